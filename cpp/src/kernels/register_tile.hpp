// How a micro-kernel leaves: its accumulators go to memory. Included by kernels/<isa>/kernels.cpp
// alone.
#pragma once

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// c (Rows, cols; row stride ldc) = acc, plus bias (cols) unless it is null, plus c if accumulate.
template <int Rows, int Vectors>
CNNX_INLINE void store_tile(const Vec (&acc)[Rows][Vectors], const float* bias, float* c,
                            int64_t ldc, int64_t cols, bool accumulate) {
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    const int64_t width = cols - v * kLanes;
    if (width <= 0) return;
    const Vec start = bias ? load_upto(bias + v * kLanes, width) : Vec{};
    if (width >= kLanes) {
#pragma GCC unroll 32
      for (int i = 0; i < Rows; ++i) {
        float* const out = c + i * ldc + v * kLanes;
        const Vec sum = acc[i][v] + start;
        store(out, accumulate ? load(out) + sum : sum);
      }
    } else {
#pragma GCC unroll 32
      for (int i = 0; i < Rows; ++i) {
        float* const out = c + i * ldc + v * kLanes;
        const Vec sum = acc[i][v] + start;
        store_part(out, accumulate ? load_part(out, width) + sum : sum, width);
      }
    }
  }
}

}  // namespace
}  // namespace cnnx
