#pragma once

#include <cstdint>

namespace cnnx {

// A matrix by its strides in floats: element (i, j) is data[i * row_stride + j * col_stride]. Its
// rows or its columns are contiguous: one of the strides is 1.
struct MatrixView {
  const float* data;
  int64_t row_stride, col_stride;
};

// c (m, n, row stride ldc) = a (m, k) * b (k, n), added to what c holds if accumulate is set, and
// to bias (n) unless it is null. The bits of c do not depend on the number of threads.
void sgemm(int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b, const float* bias, float* c,
           int64_t ldc, bool accumulate);

}  // namespace cnnx
