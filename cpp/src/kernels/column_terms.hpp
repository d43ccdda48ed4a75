// Sums over the rows of a (rows, c) matrix, whose terms a function gives.
#pragma once

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// Adds the terms of `left` columns from j on to sums[...] + j, row after row.
template <int Vectors, int Sums, typename AddTerms>
CNNX_INLINE void add_to_columns(int64_t rows, int64_t c, int64_t j, int64_t left,
                                float* const (&sums)[Sums], AddTerms add_terms) {
  Vec acc[Vectors][Sums];
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    for (int s = 0; s < Sums; ++s) {
      acc[v][s] = load_upto(sums[s] + j + v * kLanes, left - v * kLanes);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const int64_t column = j + v * kLanes;
      add_terms(r * c + column, column, left - v * kLanes, acc[v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    for (int s = 0; s < Sums; ++s) {
      store_upto(sums[s] + j + v * kLanes, acc[v][s], left - v * kLanes);
    }
  }
}

// add_terms(i, column, left, acc) adds what element i of the matrix contributes to acc[Sums].
template <int Sums, typename AddTerms>
CNNX_INLINE void add_to_columns(int64_t rows, int64_t c, float* const (&sums)[Sums],
                                AddTerms add_terms) {
  constexpr int kVectors = 4;
  int64_t j = 0;
  for (; c - j >= kVectors * kLanes; j += kVectors * kLanes) {
    add_to_columns<kVectors>(rows, c, j, kVectors * kLanes, sums, add_terms);
  }
  for (; j < c; j += kLanes) add_to_columns<1>(rows, c, j, c - j, sums, add_terms);
}

}  // namespace
}  // namespace cnnx
