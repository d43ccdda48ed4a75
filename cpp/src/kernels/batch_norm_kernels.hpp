// Sums over the rows of a (rows, c) matrix, and passes with parameters per column.
#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/kernel_table.hpp"

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

void add_column_sums(int64_t rows, int64_t c, const float* src, float* sums) {
  float* const to[] = {sums};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t, int64_t left, Vec* acc) {
    acc[0] += load_upto(src + i, left);
  });
}

void add_squared_deviations(int64_t rows, int64_t c, const float* src, const float* mean,
                            float* sums) {
  float* const to[] = {sums};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t column, int64_t left, Vec* acc) {
    const Vec deviation = load_upto(src + i, left) - load_upto(mean + column, left);
    acc[0] += deviation * deviation;
  });
}

void add_gradient_sums(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                       const float* mean, float* sums, float* products) {
  float* const to[] = {sums, products};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t column, int64_t left, Vec* acc) {
    const Vec dy = load_upto(diff_dst + i, left);
    acc[0] += dy;
    acc[1] += dy * (load_upto(src + i, left) - load_upto(mean + column, left));
  });
}

void normalize(int64_t rows, int64_t c, const float* src, const float* mean, const float* scale,
               const float* shift, float* dst) {
  for (int64_t r = 0; r < rows; ++r, src += c, dst += c) {
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const Vec deviation = load_upto(src + j, left) - load_upto(mean + j, left);
      store_upto(dst + j, deviation * load_upto(scale + j, left) + load_upto(shift + j, left),
                 left);
    }
  }
}

void normalize_backward(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                        const float* mean, const float* scale, const float* slope,
                        const float* shift, float* diff_src) {
  for (int64_t r = 0; r < rows; ++r, src += c, diff_dst += c, diff_src += c) {
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const Vec deviation = load_upto(src + j, left) - load_upto(mean + j, left);
      store_upto(diff_src + j,
                 load_upto(diff_dst + j, left) * load_upto(scale + j, left) +
                     (deviation * load_upto(slope + j, left) + load_upto(shift + j, left)),
                 left);
    }
  }
}

constexpr BatchNormKernels batch_norm_kernels = {
    .add_column_sums = add_column_sums,
    .add_squared_deviations = add_squared_deviations,
    .add_gradient_sums = add_gradient_sums,
    .normalize = normalize,
    .normalize_backward = normalize_backward,
};

}  // namespace
}  // namespace cnnx
