// Sums over the rows of a (rows, c) matrix, and passes with parameters per column.
#pragma once

#include "kernels/column_terms.hpp"
#include "kernels/kernel_table.hpp"

namespace cnnx {
namespace {

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
