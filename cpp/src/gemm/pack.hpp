#pragma once

#include <cstdint>

#include "cnnx/gemm.hpp"

namespace cnnx {

// b (k, n) as ceil(n / nr) panels of (k, nr), each contiguous, the last one padded with zeros; in
// the scale of b.
void pack_b(const MatrixView& b, int64_t k, int64_t n, int64_t nr, float* packed);

}  // namespace cnnx
