#pragma once

#include <cstdint>

#include "kernels/range.hpp"

namespace cnnx {

// The part of one pooling window that lies in the image: rows x cols pixels at the given strides.
// Position (y, x) of it counts position + y * row_positions + x in the whole window.
struct PoolWindow {
  int64_t rows, cols;
  int64_t row_stride, pixel_stride;
  int32_t position, row_positions;
};

// c channels of one window, whose first pixel is src; dst, diff_dst and argmax are one pixel.
// backward adds to diff_src or, without `add`, sets it.
template <typename Position>
struct MaxPoolKernels {
  // argmax may be null
  void (*forward)(int64_t c, const PoolWindow& window, const float* src, float* dst,
                  Position* argmax);
  void (*backward)(int64_t c, const PoolWindow& window, bool add, const float* diff_dst,
                   const Position* argmax, float* diff_src);
};
struct PoolKernels {
  MaxPoolKernels<uint8_t> bytes;
  MaxPoolKernels<int32_t> words;
  // The window's sum divided by `divisor`.
  void (*sum_forward)(int64_t c, const PoolWindow& window, float divisor, const float* src,
                      float* dst);
  void (*sum_backward)(int64_t c, const PoolWindow& window, bool add, float divisor,
                       const float* diff_dst, float* diff_src);
};

constexpr uint8_t kRectified = 4;  // the code of a window through which no gradient passes

// 2x2 windows, stride 2; a code says which pixel of its window was the largest: 0 1 above, 2 3
// below.
struct Pool2x2Kernels {
  // c channels of the windows of two rows of pixels, or twice the same one, src_stride floats apart
  // in a row; dst and codes are dst_stride apart. What is stored is clipped. codes may be null.
  void (*forward)(int64_t windows, int64_t c, const float* above, const float* below,
                  int64_t src_stride, float* dst, uint8_t* codes, int64_t dst_stride, Range range);
  // Pixels [first, first + pixels) of one row of the windows, the upper (0) or the lower (1), all
  // channels: the gradient of the window where its code says so, else 0. Everything is contiguous;
  // diff_dst and codes are the row of windows, diff_src is pixel `first`.
  void (*backward)(int64_t first, int64_t pixels, int64_t c, int row, const float* diff_dst,
                   const uint8_t* codes, float* diff_src);
  // Of n pooled values: a ReLU in place, and kRectified for what it makes 0.
  void (*rectify)(int64_t n, float* dst, uint8_t* codes);
  // Adds the gradients (rows, c) to their column's sum, but for those with the code kRectified.
  void (*add_column_sums)(int64_t rows, int64_t c, const float* diff_dst, const uint8_t* codes,
                          float* sums);
};

}  // namespace cnnx
