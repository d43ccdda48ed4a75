// Rows that are normalised each by itself. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include <cmath>

#include "kernels/kernel_table.hpp"
#include "kernels/long_sum.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

// The mean of n terms; term(i, left) is that of the vector at i.
template <typename Term>
CNNX_INLINE float mean_of(int64_t n, Term term) {
  LongSum sum;
  for (int64_t i = 0; i < n; sum.end_block()) {
    for (const int64_t end = i + kSumBlock * kLanes; i < n && i < end; i += kLanes) {
      sum.block += term(i, n - i);
    }
  }
  return horizontal_sum(sum.total()) / static_cast<float>(n);
}

RowStatistics normalize_row(int64_t n, bool centered, float epsilon, const float* src,
                            const float* gamma, const float* beta, float* dst) {
  float mean = 0.0f;
  if (centered)
    mean = mean_of(n, [=](int64_t i, int64_t left) { return load_upto(src + i, left); });
  const Vec middle = broadcast(mean);
  const float variance = mean_of(n, [=](int64_t i, int64_t left) {
    const Vec deviation = load_upto(src + i, left, middle) - middle;
    return deviation * deviation;
  });
  const auto inv_std = static_cast<float>(1.0 / std::sqrt(static_cast<double>(variance) + epsilon));
  for (int64_t i = 0; i < n; i += kLanes) {
    Vec y = (load_upto(src + i, n - i) - middle) * inv_std;
    if (gamma != nullptr) y *= load_upto(gamma + i, n - i);
    if (beta != nullptr) y += load_upto(beta + i, n - i);
    store_upto(dst + i, y, n - i);
  }
  return {mean, inv_std};
}

void normalize_row_backward(int64_t n, bool centered, const RowStatistics& row, const float* src,
                            const float* diff_dst, const float* gamma, float* diff_src,
                            float* diff_gamma, float* diff_beta) {
  const auto normal = [=](int64_t i, int64_t left) {
    return (load_upto(src + i, left) - row.mean) * row.inv_std;
  };
  const auto gradient = [=](int64_t i, int64_t left) {  // 0 past the end
    const Vec dy = load_upto(diff_dst + i, left);
    return gamma == nullptr ? dy : dy * load_upto(gamma + i, left);
  };
  if (diff_gamma != nullptr) {
    for (int64_t i = 0; i < n; i += kLanes) {
      const Vec product = load_upto(diff_dst + i, n - i) * normal(i, n - i);
      store_upto(diff_gamma + i, load_upto(diff_gamma + i, n - i) + product, n - i);
    }
  }
  if (diff_beta != nullptr) {
    map(n, diff_dst, diff_beta, diff_beta, [](Vec dy, Vec sum) { return sum + dy; });
  }
  if (diff_src == nullptr) return;
  const float product =
      mean_of(n, [=](int64_t i, int64_t left) { return gradient(i, left) * normal(i, left); });
  const float mean = centered ? mean_of(n, gradient) : 0.0f;
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec dx = (gradient(i, n - i) - mean - normal(i, n - i) * product) * row.inv_std;
    store_upto(diff_src + i, dx, n - i);
  }
}

constexpr RowNormKernels row_norm_kernels = {
    .forward = normalize_row,
    .backward = normalize_row_backward,
};

}  // namespace
}  // namespace cnnx
