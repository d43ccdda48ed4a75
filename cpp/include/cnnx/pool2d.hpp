#pragma once

#include <cstdint>

namespace cnnx {

// src (mb, ih, iw, c), dst (mb, oh, ow, c). A window that reaches outside src sees the pixels
// inside alone: maximum and sum ignore the padding, the average divides by the pixels it saw.
// A stride of 0 shares out the pixels along its axis, without padding: window y sees the rows from
// floor(y ih / oh) up to ceil((y + 1) ih / oh), as in PyTorch's adaptive pooling.
struct Pool2dDims {
  int64_t mb, ih, iw, c;
  int64_t oh, ow;
  int64_t kh, kw;
  int64_t stride_h, stride_w;
  int64_t pad_top, pad_left;
};

// Whether windows along one axis are no longer than k pixels where a stride of 0 shares them out.
constexpr bool holds_shares(int64_t input, int64_t output, int64_t k) {
  return output == 0 || k >= input / output + (input % output == 0 ? 0 : 2);
}

// argmax (as dst) receives the window position ky * kw + kx of the first maximum; null at
// inference. NaN counts as the largest value. Positions are bytes if windows have up to
// kMostBytePositions pixels.
constexpr int64_t kMostBytePositions = 256;
void max_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst, uint8_t* argmax);
void max_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst, int32_t* argmax);
// If it accumulates, the gradient is added to what diff_src holds.
void max_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, const uint8_t* argmax,
                         float* diff_src, bool accumulate = false);
void max_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, const int32_t* argmax,
                         float* diff_src, bool accumulate = false);

void avg_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst);
void avg_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, float* diff_src);

void sum_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst);
void sum_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, float* diff_src);

}  // namespace cnnx
