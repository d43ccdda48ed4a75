#pragma once

#include <cstdint>

namespace cnnx {

// dst[j] = sum over the rows of src (rows, c), in an order that depends on the shape alone. Takes
// a Scratchpad of its own.
void column_sums(int64_t rows, int64_t c, const float* src, float* dst);

}  // namespace cnnx
