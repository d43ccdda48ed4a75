#pragma once

#include <cstdint>

namespace cnnx {

// Elements whose 32-bit random word is below the threshold become 0, the others are scaled. Counter
// `counter` belongs to the first four.
using DropoutKernel = void (*)(int64_t n, uint64_t counter, uint64_t seed, uint32_t threshold,
                               float scale, const float* src, float* dst);
// Elements are multiplied by normal numbers of mean 1 and this deviation.
using GaussianDropoutKernel = void (*)(int64_t n, uint64_t counter, uint64_t seed, float deviation,
                                       const float* src, float* dst);

}  // namespace cnnx
