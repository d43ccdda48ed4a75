// The GEMM micro-kernel, see gemm_table.hpp. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/cache_line.hpp"
#include "kernels/gemm_table.hpp"
#include "kernels/register_tile.hpp"

namespace cnnx {
namespace {

// Rows * Vectors accumulators stay in registers. Three rows of a share a pointer: x86 adds an index
// to it for free, and there are not enough registers for a pointer each. Whole: all vectors are.
template <int Vectors, int Rows, bool Whole>
void gemm_tile(int64_t k, const GemmOperands& operands, int64_t cols) {
  constexpr int kPointers = (Rows + 2) / 3;
  const int64_t a_row_stride = operands.a_row_stride, a_col_stride = operands.a_col_stride;
  const float* a[kPointers];
#pragma GCC unroll 8
  for (int t = 0; t < kPointers; ++t) a[t] = operands.a + 3 * t * a_row_stride;
  const float* b = operands.b;
  prefetch_tile<Rows, Vectors>(operands.c, operands.c_row_stride);
  Vec acc[Rows][Vectors]{};
#pragma GCC unroll 4
  for (int64_t p = 0; p < k; ++p, b += operands.b_row_stride) {
    if (p < operands.ahead_lines) __builtin_prefetch(operands.ahead + p * kLineFloats, 0, 2);
    Vec b_row[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      b_row[v] = load_row<Whole>(b + v * kLanes, cols - v * kLanes);
    }
#pragma GCC unroll 32
    for (int i = 0; i < Rows; ++i) {
      const Vec a_element = broadcast(a[i / 3][i % 3 * a_row_stride]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) acc[i][v] += a_element * b_row[v];
    }
#pragma GCC unroll 8
    for (int t = 0; t < kPointers; ++t) a[t] += a_col_stride;
  }
  store_tile<Whole>(acc, operands.bias, operands.c, operands.c_row_stride, cols,
                    operands.accumulate ? operands.c : nullptr);
}

// Picks the instance for the tile's rows, the largest first: it is the one that matters.
template <int MostRows, int Vectors, int Rows = MostRows>
void gemm_microkernel(int64_t k, const GemmOperands& operands, int64_t rows, int64_t cols) {
  if (rows == Rows) {
    const auto tile =
        cols == Vectors * kLanes ? gemm_tile<Vectors, Rows, true> : gemm_tile<Vectors, Rows, false>;
    tile(k, operands, cols);
  } else if constexpr (Rows > 1) {
    gemm_microkernel<MostRows, Vectors, Rows - 1>(k, operands, rows, cols);
  }
}

template <int Mr, int Vectors>
constexpr GemmTile gemm_tile_of(int64_t mc, int64_t kc, int64_t nc) {
  return {gemm_microkernel<Mr, Vectors>, Mr, Vectors * kLanes, mc, kc, nc};
}

}  // namespace
}  // namespace cnnx
