// The GEMM micro-kernel, see kernel_table.hpp. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/register_tile.hpp"

namespace cnnx {
namespace {

// Rows of the tile are a template argument so that a short edge tile costs no more than its own
// rows; the a panel keeps its full width Mr. Rows * Vectors accumulators stay in registers.
template <int Mr, int Vectors, int Rows>
void gemm_tile(int64_t k, const float* a, const float* b, const float* bias, float* c, int64_t ldc,
               int64_t cols, bool accumulate) {
  Vec acc[Rows][Vectors]{};
  for (int64_t p = 0; p < k; ++p, a += Mr, b += Vectors * kLanes) {
    Vec b_row[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) b_row[v] = load(b + v * kLanes);
#pragma GCC unroll 32
    for (int i = 0; i < Rows; ++i) {
      const Vec a_element = broadcast(a[i]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) acc[i][v] += a_element * b_row[v];
    }
  }
  store_tile(acc, bias, c, ldc, cols, accumulate);
}

// Picks the instance for the tile's rows, Mr first: it is the one that matters.
template <int Mr, int Vectors, int Rows = Mr>
void gemm_microkernel(int64_t k, const float* a, const float* b, const float* bias, float* c,
                      int64_t ldc, int64_t rows, int64_t cols, bool accumulate) {
  if (rows == Rows) {
    gemm_tile<Mr, Vectors, Rows>(k, a, b, bias, c, ldc, cols, accumulate);
  } else if constexpr (Rows > 1) {
    gemm_microkernel<Mr, Vectors, Rows - 1>(k, a, b, bias, c, ldc, rows, cols, accumulate);
  }
}

template <int Mr, int Vectors>
constexpr GemmTile gemm_tile_of(int64_t mc, int64_t kc, int64_t nc) {
  return {gemm_microkernel<Mr, Vectors>, Mr, Vectors * kLanes, mc, kc, nc};
}

}  // namespace
}  // namespace cnnx
