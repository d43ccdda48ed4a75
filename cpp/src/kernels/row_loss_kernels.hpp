// Losses of a row of n outputs as a whole. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/elementwise_loss_kernels.hpp"
#include "kernels/long_sum.hpp"
#include "kernels/loss_table.hpp"

namespace cnnx {
namespace {

RowProducts row_products(int64_t n, const float* outputs, const float* targets) {
  Vec of_outputs{}, of_both{}, of_targets{};
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec y = load_upto(outputs + i, n - i), t = load_upto(targets + i, n - i);
    of_outputs += y * y;
    of_both += y * t;
    of_targets += t * t;
  }
  return {horizontal_sum(of_outputs), horizontal_sum(of_both), horizontal_sum(of_targets)};
}

// 1 + the largest output of a wrong class - that of the right one, and the former.
struct HingeMargin {
  float margin, worst;

  CNNX_INLINE HingeMargin(int64_t n, const float* outputs, const float* targets) {
    const Vec lowest = broadcast(-__builtin_inff());
    Vec largest = lowest;
    for (int64_t i = 0; i < n; i += kLanes) {
      const Vec y = load_upto(outputs + i, n - i, lowest);
      largest = max((1.0f - load_upto(targets + i, n - i)) * y, largest);
    }
    worst = horizontal_max(largest);
    margin = worst + 1.0f - sum_over_row(n, outputs, targets, [](Vec y, Vec t) { return t * y; });
  }
};

float hinge_forward(int64_t n, const float* outputs, const float* targets) {
  const float margin = HingeMargin(n, outputs, targets).margin;
  return margin <= 0.0f ? 0.0f : margin;
}
void hinge_backward(int64_t n, const float* outputs, const float* targets, float factor,
                    float* diff_outputs) {
  const HingeMargin found(n, outputs, targets);
  const float slope = found.margin <= 0.0f ? 0.0f : factor;
  int64_t place = 0;
  while (place < n && (1.0f - targets[place]) * outputs[place] != found.worst) ++place;
  map(n, targets, diff_outputs, [=](Vec t) { return t * -slope; });
  if (place < n) diff_outputs[place] += (1.0f - targets[place]) * slope;
}

// What makes shares of a row of outputs, and what the classes count.
struct FocalTerms {
  FocalRow focal;
  float scale;  // makes the outputs sum to 1

  CNNX_INLINE FocalTerms(int64_t n, const FocalRow& row, const float* outputs)
      : focal(row), scale(1.0f) {
    if (row.softmax) return;
    const float sum =
        long_sum(n, [=](int64_t i, int64_t left) { return load_upto(outputs + i, left); });
    if (sum != 0.0f) scale = 1.0f / sum;
  }
  CNNX_INLINE Vec weights(int64_t i, int64_t left) const {
    return focal.alphas == nullptr ? broadcast(focal.alpha) : load_upto(focal.alphas + i, left);
  }
};

float focal_forward(int64_t n, const FocalRow& row, const float* outputs, const float* targets) {
  const FocalTerms terms(n, row, outputs);
  return long_sum(n, [=](int64_t i, int64_t left) {
    const Vec p = clip(load_upto(outputs + i, left) * terms.scale);
    const Vec t = load_upto(targets + i, left) * terms.weights(i, left);
    return -t * power(1.0f - p, row.gamma) * log(p);
  });
}

// With g the derivatives by the shares, those by the outputs are (g - sum g p) / sum of outputs,
// and those by the logits p (g - sum g p).
void focal_backward(int64_t n, const FocalRow& row, const float* outputs, const float* targets,
                    float factor, float* diff_outputs) {
  const FocalTerms terms(n, row, outputs);
  const float sum = long_sum(n, [=](int64_t i, int64_t left) {
    const Vec share = load_upto(outputs + i, left) * terms.scale, p = clip(share);
    const Vec t = load_upto(targets + i, left) * terms.weights(i, left), rest = 1.0f - p;
    const Vec lower = power(rest, row.gamma - 1.0f);
    const Vec slope = t * (lower * row.gamma * log(p) - lower * rest / p);
    const Vec by_share = where_unclipped(share, slope);
    store_upto(diff_outputs + i, by_share, left);
    return by_share * share;
  });
  if (row.softmax) {
    map(n, outputs, diff_outputs, diff_outputs,
        [=](Vec p, Vec by_share) { return p * (by_share - sum) * factor; });
  } else {
    map(n, diff_outputs, diff_outputs,
        [=](Vec by_share) { return (by_share - sum) * (factor * terms.scale); });
  }
}

constexpr RowLossKernels row_loss_kernels = {
    .products = row_products,
    .hinge_forward = hinge_forward,
    .hinge_backward = hinge_backward,
    .focal_forward = focal_forward,
    .focal_backward = focal_backward,
};

}  // namespace
}  // namespace cnnx
