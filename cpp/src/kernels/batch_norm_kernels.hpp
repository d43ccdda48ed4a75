// Sums over the rows of a (rows, c) matrix, and passes with parameters per column.
#pragma once

#include "kernels/column_terms.hpp"
#include "kernels/normalization_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

// Chunks of rows follow each other: what is read for the first time brings the same place of the
// next one from memory.
CNNX_INLINE Vec load_ahead(const float* p, int64_t left, int64_t ahead) {
  __builtin_prefetch(p + ahead, 0, 2);
  return load_upto(p, left);
}

void add_column_sums(int64_t rows, int64_t c, const float* src, float* sums) {
  float* const to[] = {sums};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t, int64_t left, Vec* acc) {
    acc[0] += load_ahead(src + i, left, rows * c);
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

enum class Rectifier { none, relu, relu6 };

template <Rectifier kind>
CNNX_INLINE Vec rectified(Vec y) {
  return kind == Rectifier::none ? y : kind == Rectifier::relu ? relu(y) : relu6(y);
}

template <Rectifier kind, bool kAdded>
void normalize_rows(int64_t rows, int64_t c, const float* src, const float* addend,
                    const NormalizedColumns& columns, float* dst) {
  for (int64_t i = 0; i < rows * c; i += c) {
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const Vec deviation = load_upto(src + i + j, left) - load_upto(columns.mean + j, left);
      Vec y = deviation * load_upto(columns.scale + j, left) + load_upto(columns.shift + j, left);
      if (kAdded) y += load_upto(addend + i + j, left);
      store_upto(dst + i + j, rectified<kind>(y), left);
    }
  }
}

template <Rectifier kind>
void normalize(int64_t rows, int64_t c, const float* src, const float* addend,
               const NormalizedColumns& columns, float* dst) {
  const auto make = addend == nullptr ? normalize_rows<kind, false> : normalize_rows<kind, true>;
  make(rows, c, src, addend, columns, dst);
}

// The gradient of normalised columns, if a rectifier follows them from that of its output. It is
// computed anew, just as `normalize` does.
template <Rectifier kind>
CNNX_INLINE Vec gradient_of(Vec dy, Vec deviation, const NormalizedColumns& columns, int64_t j,
                            int64_t left) {
  if (kind == Rectifier::none) return dy;
  const Vec y = deviation * load_upto(columns.scale + j, left) + load_upto(columns.shift + j, left);
  if (kind == Rectifier::relu) return y > 0.0f ? dy : Vec{};
  return ((y > 0.0f) & (y < kMostRelu6)) ? dy : Vec{};
}

template <Rectifier kind>
void add_gradient_sums(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                       const NormalizedColumns& columns, float* sums, float* products) {
  float* const to[] = {sums, products};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t j, int64_t left, Vec* acc) {
    const Vec deviation = load_ahead(src + i, left, rows * c) - load_upto(columns.mean + j, left);
    const Vec gradient = load_ahead(diff_dst + i, left, rows * c);
    const Vec dy = gradient_of<kind>(gradient, deviation, columns, j, left);
    acc[0] += dy;
    acc[1] += dy * deviation;
  });
}

template <Rectifier kind>
void normalize_backward(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                        const NormalizedColumns& columns, const float* slope, const float* offset,
                        float* diff_src) {
  for (int64_t r = 0; r < rows; ++r, src += c, diff_dst += c, diff_src += c) {
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const Vec deviation = load_upto(src + j, left) - load_upto(columns.mean + j, left);
      const Vec dy = gradient_of<kind>(load_upto(diff_dst + j, left), deviation, columns, j, left);
      store_upto(diff_src + j,
                 dy * load_upto(columns.scale + j, left) +
                     (deviation * load_upto(slope + j, left) + load_upto(offset + j, left)),
                 left);
    }
  }
}

template <Rectifier kind>
constexpr NormalizationKernels normalization_kernels = {
    .forward = normalize<kind>,
    .add_sums = add_gradient_sums<kind>,
    .backward = normalize_backward<kind>,
};

constexpr BatchNormKernels batch_norm_kernels = {
    .add_column_sums = add_column_sums,
    .add_deviations = add_deviations,
    .linear = normalization_kernels<Rectifier::none>,
    .relu = normalization_kernels<Rectifier::relu>,
    .relu6 = normalization_kernels<Rectifier::relu6>,
};

}  // namespace
}  // namespace cnnx
