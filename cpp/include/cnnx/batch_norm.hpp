#pragma once

#include <cstdint>

namespace cnnx {

// src and dst (rows, c): an image batch has mb * ih * iw rows. gamma and beta (c) may be null.
// dst = gamma * (src - mean) / sqrt(variance + epsilon) + beta.
struct BatchNormDims {
  int64_t rows, c;
};

// Uses the batch's own mean and (biased) variance, keeps mean and inv_std (c) for the backward
// pass, and moves the running statistics: moving = momentum * moving + (1 - momentum) * batch.
void batch_norm_forward_training(const BatchNormDims& dims, const float* src, const float* gamma,
                                 const float* beta, float epsilon, float momentum, float* dst,
                                 float* mean, float* inv_std, float* moving_mean,
                                 float* moving_variance);
void batch_norm_forward_inference(const BatchNormDims& dims, const float* src, const float* gamma,
                                  const float* beta, const float* moving_mean,
                                  const float* moving_variance, float epsilon, float* dst);
// Any of the three results may be null. diff_src may be diff_dst.
void batch_norm_backward(const BatchNormDims& dims, const float* src, const float* diff_dst,
                         const float* gamma, const float* mean, const float* inv_std,
                         float* diff_src, float* diff_gamma, float* diff_beta);

}  // namespace cnnx
