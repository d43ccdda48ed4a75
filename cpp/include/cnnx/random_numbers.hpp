#pragma once

#include <cstdint>

namespace cnnx {

// (rows, count) numbers in [0, 1), whole multiples of 2^-24. Those of a row depend on the seed and
// the row's number alone: Philox4x32-10 (Salmon et al. 2011), counter {i / 4, 0, row, row >> 32},
// key seed, word i % 4.
void uniform_numbers(int64_t rows, int64_t count, uint64_t seed, float* dst);

}  // namespace cnnx
