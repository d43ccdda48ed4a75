#pragma once

#include <cstdint>

namespace cnnx {

// A loss over `rows` samples of n outputs. forward writes one loss a row; backward writes
// scale * weight[row] * d loss[row] / d output, with weight 1 where sample_weights is null.
// Labels of the sparse losses lie in [0, n): the caller has checked them.
struct LossDims {
  int64_t rows, n;
};

// Whether no target lies outside 0 to 1: what the cross-entropies ask for. NaN passes.
bool are_shares(int64_t n, const float* targets);

// Softmax and cross-entropy in one: from logits to probs, and to losses -sum targets * log probs,
// finite for any finite logits. probs may be logits; diff_logits may be probs.
void softmax_cross_entropy_forward(const LossDims& dims, const float* logits, const float* targets,
                                   float* probs, float* losses);
void softmax_cross_entropy_backward(const LossDims& dims, const float* probs, const float* targets,
                                    const float* sample_weights, float scale, float* diff_logits);
void sparse_softmax_cross_entropy_forward(const LossDims& dims, const float* logits,
                                          const int64_t* labels, float* probs, float* losses);
void sparse_softmax_cross_entropy_backward(const LossDims& dims, const float* probs,
                                           const int64_t* labels, const float* sample_weights,
                                           float scale, float* diff_logits);

// Sigmoid and binary cross-entropy in one; the loss of a row is the mean over its n outputs.
void sigmoid_cross_entropy_forward(const LossDims& dims, const float* logits, const float* targets,
                                   float* probs, float* losses);
void sigmoid_cross_entropy_backward(const LossDims& dims, const float* probs, const float* targets,
                                    const float* sample_weights, float scale, float* diff_logits);

// The same losses on probabilities that another layer made. They are clipped to
// [1e-7, 1 - 1e-7]; where the clip bites, the gradient is 0. The categorical ones first divide
// outputs by their sum, unless it is 1 but for 1e-4, or 0.
void categorical_cross_entropy_forward(const LossDims& dims, const float* probs,
                                       const float* targets, float* losses);
void categorical_cross_entropy_backward(const LossDims& dims, const float* probs,
                                        const float* targets, const float* sample_weights,
                                        float scale, float* diff_probs);
void sparse_categorical_cross_entropy_forward(const LossDims& dims, const float* probs,
                                              const int64_t* labels, float* losses);
void sparse_categorical_cross_entropy_backward(const LossDims& dims, const float* probs,
                                               const int64_t* labels, const float* sample_weights,
                                               float scale, float* diff_probs);
void binary_cross_entropy_forward(const LossDims& dims, const float* probs, const float* targets,
                                  float* losses);
void binary_cross_entropy_backward(const LossDims& dims, const float* probs, const float* targets,
                                   const float* sample_weights, float scale, float* diff_probs);

}  // namespace cnnx
