#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/simd_math.hpp"

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

constexpr SoftmaxKernels softmax_kernels = {
    .forward = softmax_forward,
    .backward = softmax_backward,
};

}  // namespace
}  // namespace cnnx
