// Rows times one column, see gemm_table.hpp. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// Rows together share the loads of the column, and hide the latency of their sums.
template <int Rows>
CNNX_INLINE void dot_rows(int64_t k, const float* a, const float* b, float start, float* c) {
  Vec acc[Rows]{};
  for (int64_t p = 0; p < k; p += kLanes) {
    const Vec column = load_upto(b + p, k - p);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) acc[i] += load_upto(a + i * k + p, k - p) * column;
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) c[i] = start + horizontal_sum(acc[i]);
}

void dot(int64_t rows, int64_t k, const float* a, const float* b, float start, float* c) {
  constexpr int kTogether = 8;
  int64_t i = 0;
  for (; i + kTogether <= rows; i += kTogether) dot_rows<kTogether>(k, a + i * k, b, start, c + i);
  for (; i < rows; ++i) dot_rows<1>(k, a + i * k, b, start, c + i);
}

}  // namespace
}  // namespace cnnx
