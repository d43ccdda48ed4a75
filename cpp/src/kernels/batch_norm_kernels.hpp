// Sums over the rows of a (rows, c) matrix, and passes with parameters per column.
#pragma once

#include "kernels/column_terms.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

void add_column_sums(int64_t rows, int64_t c, const float* src, float* sums) {
  float* const to[] = {sums};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t, int64_t left, Vec* acc) {
    acc[0] += load_upto(src + i, left);
  });
}

void add_deviations(int64_t rows, int64_t c, const float* src, const float* mean, float* sums,
                    float* squares) {
  float* const to[] = {sums, squares};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t column, int64_t left, Vec* acc) {
    const Vec deviation = load_upto(src + i, left) - load_upto(mean + column, left);
    acc[0] += deviation;
    acc[1] += deviation * deviation;
  });
}

template <bool kRelu, bool kAdded>
void normalize_rows(int64_t rows, int64_t c, const float* src, const float* addend,
                    const NormalizedColumns& columns, float* dst) {
  for (int64_t i = 0; i < rows * c; i += c) {
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const Vec deviation = load_upto(src + i + j, left) - load_upto(columns.mean + j, left);
      Vec y = deviation * load_upto(columns.scale + j, left) + load_upto(columns.shift + j, left);
      if (kAdded) y += load_upto(addend + i + j, left);
      store_upto(dst + i + j, kRelu ? relu(y) : y, left);
    }
  }
}

template <bool kRelu>
void normalize(int64_t rows, int64_t c, const float* src, const float* addend,
               const NormalizedColumns& columns, float* dst) {
  const auto make = addend == nullptr ? normalize_rows<kRelu, false> : normalize_rows<kRelu, true>;
  make(rows, c, src, addend, columns, dst);
}

// The gradient of normalised columns, if a ReLU follows them from that of its output. It is
// computed anew, just as `normalize` does.
template <bool kRelu>
CNNX_INLINE Vec gradient_of(Vec dy, Vec deviation, const NormalizedColumns& columns, int64_t j,
                            int64_t left) {
  if (!kRelu) return dy;
  const Vec y = deviation * load_upto(columns.scale + j, left) + load_upto(columns.shift + j, left);
  return y > 0.0f ? dy : Vec{};
}

template <bool kRelu>
void add_gradient_sums(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                       const NormalizedColumns& columns, float* sums, float* products) {
  float* const to[] = {sums, products};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t j, int64_t left, Vec* acc) {
    const Vec deviation = load_upto(src + i, left) - load_upto(columns.mean + j, left);
    const Vec dy = gradient_of<kRelu>(load_upto(diff_dst + i, left), deviation, columns, j, left);
    acc[0] += dy;
    acc[1] += dy * deviation;
  });
}

template <bool kRelu>
void normalize_backward(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                        const NormalizedColumns& columns, const float* slope, const float* offset,
                        float* diff_src) {
  for (int64_t r = 0; r < rows; ++r, src += c, diff_dst += c, diff_src += c) {
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const Vec deviation = load_upto(src + j, left) - load_upto(columns.mean + j, left);
      const Vec dy = gradient_of<kRelu>(load_upto(diff_dst + j, left), deviation, columns, j, left);
      store_upto(diff_src + j,
                 dy * load_upto(columns.scale + j, left) +
                     (deviation * load_upto(slope + j, left) + load_upto(offset + j, left)),
                 left);
    }
  }
}

constexpr BatchNormKernels batch_norm_kernels = {
    .add_column_sums = add_column_sums,
    .add_deviations = add_deviations,
    .normalize = normalize<false>,
    .normalize_relu = normalize<true>,
    .backward = {add_gradient_sums<false>, normalize_backward<false>},
    .relu_backward = {add_gradient_sums<true>, normalize_backward<true>},
};

}  // namespace
}  // namespace cnnx
