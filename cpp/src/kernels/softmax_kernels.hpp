#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/simd_math.hpp"
#include "kernels/softmax_table.hpp"

namespace cnnx {
namespace {

SoftmaxRow softmax_forward(int64_t n, const float* src, const float* targets, float* dst) {
  const Vec lowest = broadcast(-__builtin_inff());  // past the end of the row: e^-inf = 0
  Vec largest = lowest;
  for (int64_t i = 0; i < n; i += kLanes) {
    largest = max(load_upto(src + i, n - i, lowest), largest);
  }
  const float row_max = horizontal_max(largest);

  Vec sums{}, target_sums{}, distances{};
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec shifted = load_upto(src + i, n - i, lowest) - row_max;
    const Vec power = exp(shifted);
    sums += power;
    if (targets != nullptr) {
      const Vec target = load_upto(targets + i, n - i);
      target_sums += target;
      const Vec distance = row_max - load_upto(src + i, n - i, broadcast(row_max));
      distances += target == 0.0f ? Vec{} : target * distance;  // it may be infinite
    }
    store_upto(dst + i, power, n - i);
  }
  const float sum = horizontal_sum(sums);
  map(n, dst, dst, [scale = 1.0f / sum](Vec power) { return power * scale; });
  return {row_max, sum, horizontal_sum(target_sums), horizontal_sum(distances)};
}

void softmax_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  Vec products{};
  for (int64_t i = 0; i < n; i += kLanes) {
    products += load_upto(dst + i, n - i) * load_upto(diff_dst + i, n - i);
  }
  map(n, dst, diff_dst, diff_src,
      [product = horizontal_sum(products)](Vec y, Vec dy) { return y * (dy - product); });
}

void log_softmax_forward(int64_t n, const float* src, float* dst) {
  const Vec lowest = broadcast(-__builtin_inff());
  Vec largest = lowest;
  for (int64_t i = 0; i < n; i += kLanes) {
    largest = max(load_upto(src + i, n - i, lowest), largest);
  }
  const float row_max = horizontal_max(largest);
  Vec sums{};
  for (int64_t i = 0; i < n; i += kLanes) sums += exp(load_upto(src + i, n - i, lowest) - row_max);
  const float rest = log(broadcast(horizontal_sum(sums)))[0];
  map(n, src, dst, [=](Vec x) { return (x - row_max) - rest; });
}

void log_softmax_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  Vec sums{};
  for (int64_t i = 0; i < n; i += kLanes) sums += load_upto(diff_dst + i, n - i);
  map(n, dst, diff_dst, diff_src,
      [sum = horizontal_sum(sums)](Vec y, Vec dy) { return dy - exp(y) * sum; });
}

void softmax_columns_forward(int64_t n, int64_t stride, int64_t columns, bool logarithm,
                             const float* src, float* dst) {
  for (int64_t j = 0; j < columns; j += kLanes, src += kLanes, dst += kLanes) {
    const int64_t left = columns - j;
    Vec largest = broadcast(-__builtin_inff()), sum{};
    for (int64_t i = 0; i < n; ++i) largest = max(load_upto(src + i * stride, left), largest);
    for (int64_t i = 0; i < n; ++i) sum += exp(load_upto(src + i * stride, left) - largest);
    const Vec rest = logarithm ? log(sum) : 1.0f / sum;
    for (int64_t i = 0; i < n; ++i) {
      const Vec shifted = load_upto(src + i * stride, left) - largest;
      store_upto(dst + i * stride, logarithm ? shifted - rest : exp(shifted) * rest, left);
    }
  }
}

void softmax_columns_backward(int64_t n, int64_t stride, int64_t columns, bool logarithm,
                              const float* dst, const float* diff_dst, float* diff_src) {
  for (int64_t j = 0; j < columns; j += kLanes) {
    const int64_t left = columns - j;
    Vec sum{};
    for (int64_t i = j; i < j + n * stride; i += stride) {
      const Vec dy = load_upto(diff_dst + i, left);
      sum += logarithm ? dy : dy * load_upto(dst + i, left);
    }
    for (int64_t i = j; i < j + n * stride; i += stride) {
      const Vec y = load_upto(dst + i, left), dy = load_upto(diff_dst + i, left);
      store_upto(diff_src + i, logarithm ? dy - exp(y) * sum : y * (dy - sum), left);
    }
  }
}

constexpr SoftmaxKernels softmax_kernels = {
    .forward = softmax_forward,
    .backward = softmax_backward,
    .log_forward = log_softmax_forward,
    .log_backward = log_softmax_backward,
    .columns_forward = softmax_columns_forward,
    .columns_backward = softmax_columns_backward,
};

}  // namespace
}  // namespace cnnx
