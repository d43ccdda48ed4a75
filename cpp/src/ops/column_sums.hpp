#pragma once

#include <cstdint>

#include "cnnx/images.hpp"

namespace cnnx {

// dst[j] = sum over the rows of src (rows, c), of pooled gradients those that pass, in an order
// that depends on the shape alone. Takes a Scratchpad of its own.
void column_sums(int64_t rows, int64_t c, Images src, float* dst);

}  // namespace cnnx
