#pragma once

#include <cstdint>
#include <string>

#include "cnnx/epilogue.hpp"
#include "cnnx/images.hpp"
#include "cnnx/prepared_weights.hpp"

namespace cnnx {

// Cross-correlation over NHWC images, or, if `rotated`, the true convolution: the same with the
// kernel rotated by 180 degrees. src (mb, ih, iw, ic), weights (kh, kw, ic / groups, oc),
// bias (oc) or null, dst (mb, oh, ow, oc). Pixels outside src count as zero, so only the top and
// left padding are needed; the other two follow from oh and ow.
struct Conv2dDims {
  int64_t mb, ih, iw, ic;
  int64_t oh, ow, oc;
  int64_t kh, kw;
  int64_t stride_h, stride_w;
  int64_t pad_top, pad_left;
  int64_t dilation_h, dilation_w;
  int64_t groups;
  bool rotated = false;
};

// If weights are prepared, they are those of the passes before, unchanged, and may have a scale. If
// the output is pooled, dst and diff_dst have oh / 2 or oh rows of ow / 2 pixels.
void conv2d_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst,
                    PreparedWeights* prepared = nullptr);
// The gradient of src, or, seen as an operation of its own, the transposed convolution of diff_dst:
// diff_src is what the epilogue, without pooling, makes of it and of bias (ic), which may be null.
void conv2d_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                          const float* bias, const Epilogue& epilogue, float* diff_src);
// diff_bias may be null.
void conv2d_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                             float* diff_weights, float* diff_bias);

// How the passes are computed: "auto" (the default) takes Winograd's products for 3x3 kernels of
// stride 1 or 2 where that pays, and otherwise reads images where they lie. "direct" does the
// latter alone: sums of products as they are written, for runs that are compared bit by bit with
// another. "im2col" is the plain path that all are checked against, "winograd" takes its products
// wherever it can. The environment variable CNNX_CONV_ALGORITHM sets the first value. Throws
// std::invalid_argument for any other name.
std::string conv_algorithm();
void set_conv_algorithm(const std::string& name);

}  // namespace cnnx
