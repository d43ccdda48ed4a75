#pragma once

#include <cstdint>

#include "cnnx/batch_norm.hpp"

namespace cnnx {

// src (samples, pixels, groups, each). The elements of a group, `each` of every pixel of a sample,
// are normalised together: dst = gamma (src - mean) / sqrt(variance + epsilon) + beta. Gamma and
// beta have groups * each numbers. Not centred, the mean counts as 0. Not averaged, the variance is
// the sum of the squares, not their mean.
struct SampleNormDims {
  int64_t samples, pixels, groups, each;
  bool centered, averaged;

  int64_t c() const { return groups * each; }
  // What sums of squares, and of products with what is normalised, are divided by.
  int64_t divisor() const { return averaged ? pixels * each : 1; }
};

// Keeps mean and inv_std (samples, groups) for the backward pass. dst may be src.
void sample_norm_forward(const SampleNormDims& dims, const float* src, const Affine& affine,
                         float epsilon, float* dst, float* mean, float* inv_std);
// The gradient of src may be diff_dst.
void sample_norm_backward(const SampleNormDims& dims, const float* src, const float* diff_dst,
                          const float* gamma, const float* mean, const float* inv_std,
                          const BatchNormGradients& gradients);

}  // namespace cnnx
