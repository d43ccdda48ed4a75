#pragma once

#include <cstdint>

namespace cnnx {

// A matrix by its strides in floats: element (i, j) is data[i * row_stride + j * col_stride]. Its
// rows or its columns are contiguous: one of the strides is 1. Packing multiplies column j by
// scale[j] unless the scale is null; products of matrices take none.
struct MatrixView {
  const float* data;
  int64_t row_stride, col_stride;
  const float* scale = nullptr;

  // The rest of it, from a row and a column on.
  MatrixView from(int64_t row, int64_t col) const {
    return {data + row * row_stride + col * col_stride, row_stride, col_stride,
            scale == nullptr ? nullptr : scale + col};
  }
};

// c (m, n, row stride ldc) = a (m, k) * b (k, n), added to what c holds if accumulate is set, and
// to bias (n) unless it is null. The bits of c do not depend on the number of threads.
void sgemm(int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b, const float* bias, float* c,
           int64_t ldc, bool accumulate);

}  // namespace cnnx
