#pragma once

#include "cnnx/conv2d.hpp"
#include "cnnx/images.hpp"
#include "ops/gradient_sums.hpp"
#include "ops/seen_pixels.hpp"

namespace cnnx {

// 1x1 kernels that see no padding, with enough channels to fill vectors; the outputs are not
// pooled.
bool is_pointwise(const Conv2dDims& dims);
void pointwise_forward(const Conv2dDims& dims, Images src, const float* weights, const float* bias,
                       const Epilogue& epilogue, float* dst, PreparedWeights* prepared);
void pointwise_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                             const float* bias, const Epilogue& epilogue, float* diff_src,
                             GradientSums* sums = nullptr);
void pointwise_backward_weights(const Conv2dDims& dims, Images src, Images diff_dst,
                                float* diff_weights);

// The pixels that meet in a pointwise convolution.
inline SeenPixels pixels_of_src(const Conv2dDims& d, Images src) {
  return {src, d.mb, d.ih, d.iw, d.ic, d.oh, d.ow, d.stride_h, d.stride_w};
}
inline SeenPixels pixels_of_dst(const Conv2dDims& d, Images dst) {
  return {dst, d.mb, d.oh, d.ow, d.oc, d.oh, d.ow, 1, 1};
}

}  // namespace cnnx
