// Losses of rows of n outputs. forward writes the sum over each row, backward, for one row, factor
// times its derivative.
#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/long_sum.hpp"
#include "kernels/loss_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

CNNX_INLINE Vec clip(Vec p) {  // NaN stays
  const Vec bounded = p > kMostProb ? broadcast(kMostProb) : p;
  return bounded < kLeastProb ? broadcast(kLeastProb) : bounded;
}
CNNX_INLINE Vec where_unclipped(Vec p, Vec gradient) {
  return ((p < kLeastProb) | (p > kMostProb)) ? Vec{} : gradient;
}

template <typename Function>
CNNX_INLINE float sum_over_row(int64_t n, const float* a, const float* b, Function function) {
  return long_sum(n, [=](int64_t i, int64_t left) {
    const Vec terms = function(load_upto(a + i, left), load_upto(b + i, left));
    return left >= kLanes ? terms : first_lanes(terms, left);
  });
}

// The sum of each row. Where rows have one term, vectors are made of several rows.
template <typename Function>
CNNX_INLINE void sum_over_rows(int64_t rows, int64_t n, const float* a, const float* b, float* sums,
                               Function function) {
  if (n == 1) {
    map(rows, a, b, sums, [=](Vec x, Vec y) { return Vec{} + function(x, y); });  // no -0
    return;
  }
  for (int64_t r = 0; r < rows; ++r) sums[r] = sum_over_row(n, a + r * n, b + r * n, function);
}

// a * b, and 0 where b is 0: a may be infinite.
CNNX_INLINE Vec product_or_0(Vec a, Vec b) { return b == 0.0f ? Vec{} : a * b; }

void softmax_cross_entropy_backward(int64_t n, const float* probs, const float* targets,
                                    float factor, float* diff_logits) {
  const float total = sum_over_row(n, probs, targets, [](Vec, Vec t) { return t; });
  map(n, probs, targets, diff_logits, [=](Vec p, Vec t) { return (p * total - t) * factor; });
}

// max(z, 0) - z t + log(1 + e^-|z|) with max(z, 0) - z t = |z| (1 - t), or |z| t below 0
void sigmoid_cross_entropy_forward(int64_t rows, int64_t n, const float* logits,
                                   const float* targets, float* probs, float* sums) {
  sum_over_rows(rows, n, logits, targets, sums, [](Vec z, Vec t) {
    return product_or_0(abs(z), z > 0.0f ? 1.0f - t : t) + log1p(exp(-abs(z)));
  });
  map(rows * n, logits, probs, [](Vec z) { return sigmoid(z); });
}
void sigmoid_cross_entropy_backward(int64_t n, const float* probs, const float* targets,
                                    float factor, float* diff_logits) {
  map(n, probs, targets, diff_logits, [=](Vec p, Vec t) { return (p - t) * factor; });
}

// 1 for outputs that sum to 1 but for rounding, or to 0.
float probability_scale(int64_t n, const float* outputs) {
  const float sum = sum_over_row(n, outputs, outputs, [](Vec p, Vec) { return p; });
  const float off = sum < 1.0f ? 1.0f - sum : sum - 1.0f;
  return off > kSumTolerance && sum != 0.0f ? 1.0f / sum : 1.0f;
}

void categorical_cross_entropy_forward(int64_t rows, int64_t n, const float* probs,
                                       const float* targets, float* sums) {
  for (int64_t r = 0; r < rows; ++r, probs += n, targets += n) {
    const float scale = probability_scale(n, probs);
    sums[r] =
        sum_over_row(n, probs, targets, [=](Vec p, Vec t) { return -t * log(clip(p * scale)); });
  }
}
void categorical_cross_entropy_backward(int64_t n, const float* probs, const float* targets,
                                        float factor, float* diff_probs) {
  const float scale = probability_scale(n, probs);
  if (scale == 1.0f) {
    map(n, probs, targets, diff_probs,
        [=](Vec p, Vec t) { return where_unclipped(p, -t * factor / clip(p)); });
    return;
  }
  // With q = p / sum p, d loss / d p = (-t / q + sum of t that are not clipped) / sum p.
  const float total =
      sum_over_row(n, probs, targets, [=](Vec p, Vec t) { return where_unclipped(p * scale, t); });
  map(n, probs, targets, diff_probs, [=](Vec p, Vec t) {
    const Vec q = p * scale;
    return (where_unclipped(q, -t / clip(q)) + total) * (factor * scale);
  });
}

void binary_cross_entropy_forward(int64_t rows, int64_t n, const float* probs, const float* targets,
                                  float* sums) {
  sum_over_rows(rows, n, probs, targets, sums, [](Vec p, Vec t) {
    const Vec q = clip(p);
    return -(t * log(q) + (1.0f - t) * log1p(-q));
  });
}
void binary_cross_entropy_backward(int64_t n, const float* probs, const float* targets,
                                   float factor, float* diff_probs) {
  map(n, probs, targets, diff_probs, [=](Vec p, Vec t) {
    const Vec q = clip(p);
    return where_unclipped(p, (q - t) * factor / (q * (1.0f - q)));
  });
}

constexpr LossKernels loss_kernels = {
    .softmax_cross_entropy_backward = softmax_cross_entropy_backward,
    .sigmoid_cross_entropy_forward = sigmoid_cross_entropy_forward,
    .sigmoid_cross_entropy_backward = sigmoid_cross_entropy_backward,
    .probability_scale = probability_scale,
    .categorical_cross_entropy_forward = categorical_cross_entropy_forward,
    .categorical_cross_entropy_backward = categorical_cross_entropy_backward,
    .binary_cross_entropy_forward = binary_cross_entropy_forward,
    .binary_cross_entropy_backward = binary_cross_entropy_backward,
};

}  // namespace
}  // namespace cnnx
