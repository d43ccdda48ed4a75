#pragma once

#include "cnnx/conv2d.hpp"
#include "ops/gradient_sums.hpp"

namespace cnnx {

// The three passes as implicit GEMM: the micro-kernels read the image where it lies, or a padded
// copy of a few of its rows. If the output is pooled, oh and ow are even. direct_backward_weights
// leaves the taps in the order of a correlation.

// All but what reads floats that lie very far apart: by its dilation or, with pooling, its stride.
bool has_direct(const Conv2dDims& dims, Pooling pooling);
void direct_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst,
                    PreparedWeights* prepared);
// The gradient of the input is a correlation of diff_dst with the kernel rotated; with a stride,
// one for the pixels at each place within the stride. Not with few channels, nor stride and
// dilation.
bool has_direct_backward_data(const Conv2dDims& dims);
void direct_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                          const float* bias, const Epilogue& epilogue, float* diff_src,
                          GradientSums* sums = nullptr);
void direct_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                             float* diff_weights);

}  // namespace cnnx
