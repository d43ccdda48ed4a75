#pragma once

#include <cstdint>
#include <string>

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

void conv2d_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, float* dst);
void conv2d_backward_data(const Conv2dDims& dims, const float* diff_dst, const float* weights,
                          float* diff_src);
// diff_bias may be null.
void conv2d_backward_weights(const Conv2dDims& dims, const float* src, const float* diff_dst,
                             float* diff_weights, float* diff_bias);

// How the passes are computed: "direct" (the default) reads images where they lie; "im2col" is the
// plain path that it is checked against. The environment variable CNNX_CONV_ALGORITHM sets the
// first value. Throws std::invalid_argument for any other name.
std::string conv_algorithm();
void set_conv_algorithm(const std::string& name);

}  // namespace cnnx
