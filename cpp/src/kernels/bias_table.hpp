#pragma once

#include <cstdint>

namespace cnnx {

// Contiguous (rows, c) matrices; bias and sums have one float a column.
using ColumnOperation = void (*)(int64_t rows, int64_t c, const float* src, const float* bias,
                                 float* dst);

struct BiasKernels {
  ColumnOperation add;       // dst = src + bias
  ColumnOperation multiply;  // dst = src * bias
  // adds the products of a and b to their column's sum, row after row
  void (*add_products)(int64_t rows, int64_t c, const float* a, const float* b, float* sums);
};

}  // namespace cnnx
