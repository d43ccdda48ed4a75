#pragma once

#include <cstdint>

#include "cnnx/epilogue.hpp"

namespace cnnx {

// src (mb, h, w, c); anything that is not pooled may as well be (rows, 1, 1, c). gamma and beta (c)
// may be null. The normalised images are gamma * (src - mean) / sqrt(variance + epsilon) + beta;
// dst is what the epilogue makes of them: never are they in memory themselves.
struct BatchNormDims {
  int64_t mb, h, w, c;

  int64_t rows() const { return mb * h * w; }
};

// Uses the batch's own mean and (biased) variance, keeps mean and inv_std (c) for the backward
// pass, and moves the running statistics: moving = momentum * moving + (1 - momentum) * batch.
void batch_norm_forward_training(const BatchNormDims& dims, const float* src, const float* gamma,
                                 const float* beta, float epsilon, float momentum,
                                 const Epilogue& epilogue, float* dst, float* mean, float* inv_std,
                                 float* moving_mean, float* moving_variance);
void batch_norm_forward_inference(const BatchNormDims& dims, const float* src, const float* gamma,
                                  const float* beta, const float* moving_mean,
                                  const float* moving_variance, float epsilon,
                                  const Epilogue& epilogue, float* dst);
// diff_dst is the gradient of dst: un-pooling and the activation's derivative are done on the way.
// That needs no dst, but beta. Any of the three results may be null. diff_src may be src, or the
// gradient of what was not pooled.
void batch_norm_backward(const BatchNormDims& dims, const float* src, DiffDst diff_dst,
                         Activation activation, const float* gamma, const float* beta,
                         const float* mean, const float* inv_std, float* diff_src,
                         float* diff_gamma, float* diff_beta);

}  // namespace cnnx
