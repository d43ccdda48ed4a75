#include "cnnx/loss.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/kernel_table.hpp"
#include "ops/loss_rows.hpp"

namespace cnnx {
namespace {

// A row's sum over its outputs, divided.
void scaled_forward(LossForward kernel, float divisor, const LossDims& dims, const float* outputs,
                    const float* targets, float* losses) {
  divided_sums(dims, divisor, losses, [&](int64_t rows, int64_t first, float* sums) {
    kernel(rows, dims.n, outputs + first, targets + first, sums);
  });
}

void sum_forward(LossForward kernel, const LossDims& dims, const float* outputs,
                 const float* targets, float* losses) {
  scaled_forward(kernel, 1.0f, dims, outputs, targets, losses);
}

void mean_forward(LossForward kernel, const LossDims& dims, const float* outputs,
                  const float* targets, float* losses) {
  scaled_forward(kernel, static_cast<float>(dims.n), dims, outputs, targets, losses);
}

void backward(LossBackward kernel, const LossDims& dims, const float* outputs, const float* targets,
              const float* sample_weights, float scale, float* diff_outputs) {
  for_each_row(dims, [&](int64_t row, int64_t first) {
    kernel(dims.n, outputs + first, targets + first, row_factor(sample_weights, row, scale),
           diff_outputs + first);
  });
}

}  // namespace

bool are_shares(int64_t n, const float* targets) {
  int outside = 0;
  for (int64_t i = 0; i < n; ++i) outside |= (targets[i] < 0.0f) | (targets[i] > 1.0f);
  return outside == 0;
}

void softmax_cross_entropy_forward(const LossDims& dims, const float* logits, const float* targets,
                                   float* probs, float* losses) {
  const auto kernel = kernels().softmax.forward;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const SoftmaxRow r = kernel(dims.n, logits + first, targets + first, probs + first);
    losses[row] = r.target_distance + r.target_sum * std::log(r.sum);
  });
}
void softmax_cross_entropy_backward(const LossDims& dims, const float* probs, const float* targets,
                                    const float* sample_weights, float scale, float* diff_logits) {
  backward(kernels().loss.softmax_cross_entropy_backward, dims, probs, targets, sample_weights,
           scale, diff_logits);
}

void sparse_softmax_cross_entropy_forward(const LossDims& dims, const float* logits,
                                          const int64_t* labels, float* probs, float* losses) {
  const auto kernel = kernels().softmax.forward;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const float logit = logits[first + labels[row]];
    const SoftmaxRow r = kernel(dims.n, logits + first, nullptr, probs + first);
    losses[row] = (r.max - logit) + std::log(r.sum);
  });
}
void sparse_softmax_cross_entropy_backward(const LossDims& dims, const float* probs,
                                           const int64_t* labels, const float* sample_weights,
                                           float scale, float* diff_logits) {
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const float factor = row_factor(sample_weights, row, scale);
    const float prob = probs[first + labels[row]];
    for (int64_t i = first; i < first + dims.n; ++i) diff_logits[i] = probs[i] * factor;
    diff_logits[first + labels[row]] = (prob - 1.0f) * factor;
  });
}

void sigmoid_cross_entropy_forward(const LossDims& dims, const float* logits, const float* targets,
                                   float* probs, float* losses) {
  const auto kernel = kernels().loss.sigmoid_cross_entropy_forward;
  divided_sums(dims, static_cast<float>(dims.n), losses,
               [&](int64_t rows, int64_t first, float* sums) {
                 kernel(rows, dims.n, logits + first, targets + first, probs + first, sums);
               });
}
void sigmoid_cross_entropy_backward(const LossDims& dims, const float* probs, const float* targets,
                                    const float* sample_weights, float scale, float* diff_logits) {
  backward(kernels().loss.sigmoid_cross_entropy_backward, dims, probs, targets, sample_weights,
           scale / static_cast<float>(dims.n), diff_logits);
}

void categorical_cross_entropy_forward(const LossDims& dims, const float* probs,
                                       const float* targets, float* losses) {
  sum_forward(kernels().loss.categorical_cross_entropy_forward, dims, probs, targets, losses);
}
void categorical_cross_entropy_backward(const LossDims& dims, const float* probs,
                                        const float* targets, const float* sample_weights,
                                        float scale, float* diff_probs) {
  backward(kernels().loss.categorical_cross_entropy_backward, dims, probs, targets, sample_weights,
           scale, diff_probs);
}

void sparse_categorical_cross_entropy_forward(const LossDims& dims, const float* probs,
                                              const int64_t* labels, float* losses) {
  const auto scale_of = kernels().loss.probability_scale;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const float prob = probs[first + labels[row]] * scale_of(dims.n, probs + first);
    losses[row] = -std::log(std::clamp(prob, kLeastProb, kMostProb));
  });
}
void sparse_categorical_cross_entropy_backward(const LossDims& dims, const float* probs,
                                               const int64_t* labels, const float* sample_weights,
                                               float scale, float* diff_probs) {
  const auto scale_of = kernels().loss.probability_scale;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const float output = probs[first + labels[row]];
    const float to_sum_1 = scale_of(dims.n, probs + first), prob = output * to_sum_1;
    const bool clipped = prob < kLeastProb || prob > kMostProb;
    const float factor = row_factor(sample_weights, row, scale);
    const float of_sum = clipped || to_sum_1 == 1.0f ? 0.0f : factor * to_sum_1;
    std::fill_n(diff_probs + first, dims.n, of_sum);
    if (!clipped) diff_probs[first + labels[row]] = of_sum - factor / output;
  });
}

void binary_cross_entropy_forward(const LossDims& dims, const float* probs, const float* targets,
                                  float* losses) {
  mean_forward(kernels().loss.binary_cross_entropy_forward, dims, probs, targets, losses);
}
void binary_cross_entropy_backward(const LossDims& dims, const float* probs, const float* targets,
                                   const float* sample_weights, float scale, float* diff_probs) {
  backward(kernels().loss.binary_cross_entropy_backward, dims, probs, targets, sample_weights,
           scale / static_cast<float>(dims.n), diff_probs);
}

}  // namespace cnnx
