#pragma once

#include <cstdint>

#include "cnnx/epilogue.hpp"
#include "cnnx/images.hpp"

namespace cnnx {

// src (mb, h, w, c); anything that is not pooled may as well be (rows, 1, 1, c). The normalised
// images are gamma * (src - mean) / sqrt(variance + epsilon) + beta; dst is what the epilogue makes
// of them. They are never stored.
struct BatchNormDims {
  int64_t mb, h, w, c;

  int64_t rows() const { return mb * h * w; }
};

// (c) each, or null for ones and zeros.
struct Affine {
  const float* gamma = nullptr;
  const float* beta = nullptr;
};

// (c) each; a batch moves them: moving = momentum * moving + (1 - momentum) * batch.
struct MovingStatistics {
  float momentum;
  float *mean, *variance;
};

// Each may be null.
struct BatchNormGradients {
  float *src, *gamma, *beta;
};

// What the backward pass needs where there was an addend: dst, since the activation's derivative
// depends on the sum, and where the addend's gradient goes. It may be diff_dst. Null if it is not
// wanted.
struct AddedOutput {
  const float* dst = nullptr;
  float* diff_addend = nullptr;
};

// Uses the batch's own mean and (biased) variance; keeps mean and inv_std (c) for the backward
// pass.
void batch_norm_forward_training(const BatchNormDims& dims, const float* src, const Affine& affine,
                                 float epsilon, const Epilogue& epilogue, float* dst, float* mean,
                                 float* inv_std, const MovingStatistics& moving);
// The same without dst: what others make of src is scale (src - mean) + shift, all of them (c).
void batch_norm_statistics(const BatchNormDims& dims, const float* src, const Affine& affine,
                           float epsilon, float* mean, float* inv_std, float* scale, float* shift,
                           const MovingStatistics& moving);
// Makes dst once more, to the same bits, from the mean and inv_std that were kept. Without pooling.
void batch_norm_recompute(const BatchNormDims& dims, const float* src, const Affine& affine,
                          const float* mean, const float* inv_std, const Epilogue& epilogue,
                          float* dst);
void batch_norm_forward_inference(const BatchNormDims& dims, const float* src, const Affine& affine,
                                  const float* moving_mean, const float* moving_variance,
                                  float epsilon, const Epilogue& epilogue, float* dst);
// diff_dst is the gradient of dst: un-pooling and the activation's derivative are done on the way.
// Without an addend this reads beta instead of dst. The gradient of src may be src or, without
// pooling and unless diff_addend is, diff_dst.
void batch_norm_backward(const BatchNormDims& dims, const float* src, Images diff_dst,
                         const Activation& activation, const Affine& affine, const float* mean,
                         const float* inv_std, const BatchNormGradients& gradients,
                         const AddedOutput& added = {});
// The same for a linear activation, ReLU or ReLU6 without addend, where the sums over the rows of
// the gradient of the normalised images, and of its products with src - mean, were found before:
// (c) each. inv_std multiplies the latter here.
void batch_norm_backward_from_sums(const BatchNormDims& dims, const float* src,
                                   const float* diff_dst, const Normalization& normalization,
                                   const float* inv_std, const float* sums, float* products,
                                   const BatchNormGradients& gradients);

}  // namespace cnnx
