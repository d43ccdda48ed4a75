// Rows that are normalised each by itself. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/long_sum.hpp"
#include "kernels/normalization_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

RowStatistics normalize_row(int64_t n, bool centered, bool averaged, float epsilon,
                            const float* src, const float* gamma, const float* beta, float* dst) {
  const auto elements = static_cast<float>(n);
  float mean = 0.0f;
  if (centered) {
    mean =
        long_sum(n, [=](int64_t i, int64_t left) { return load_upto(src + i, left); }) / elements;
  }
  const Vec middle = broadcast(mean);
  const float squares = long_sum(n, [=](int64_t i, int64_t left) {
    const Vec deviation = load_upto(src + i, left, middle) - middle;
    return deviation * deviation;
  });
  const float variance = averaged ? squares / elements : squares;
  const double deviation = __builtin_sqrt(static_cast<double>(variance) + epsilon);
  const auto inv_std = static_cast<float>(1.0 / deviation);
  for (int64_t i = 0; i < n; i += kLanes) {
    Vec y = (load_upto(src + i, n - i) - middle) * inv_std;
    if (gamma != nullptr) y *= load_upto(gamma + i, n - i);
    if (beta != nullptr) y += load_upto(beta + i, n - i);
    store_upto(dst + i, y, n - i);
  }
  return {mean, inv_std};
}

void normalize_row_backward(int64_t n, bool centered, bool averaged, const RowStatistics& row,
                            const float* src, const float* diff_dst, const float* gamma,
                            float* diff_src, float* diff_gamma, float* diff_beta) {
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
  const auto elements = static_cast<float>(n);
  const float product =
      long_sum(n, [=](int64_t i, int64_t left) { return gradient(i, left) * normal(i, left); }) /
      (averaged ? elements : 1.0f);
  const float mean = centered ? long_sum(n, gradient) / elements : 0.0f;
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
