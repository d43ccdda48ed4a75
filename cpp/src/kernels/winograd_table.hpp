#pragma once

#include <cstdint>

#include "kernels/range.hpp"

namespace cnnx {

// The pixels that Winograd's F(4x4, 3x3) transforms at once: 6x6 of an input, or 4x4 of a gradient.
// Pixels have c floats and lie side by side in their rows.
struct WinogradPatch {
  const float* rows[6];  // from the first pixel on; rows outside the image are zeros
  int64_t begin, end;    // the columns inside the image; the others are zeros and not read
};

// The same where a 2x2 pooling follows the image: the windows that the pixels lie in, up to four in
// a row of 4, and the place of the first pixel in the first of them. Windows outside are zeros.
struct WinogradWindows {
  const float* data[16];
  const uint8_t* codes[16];
  int first_y, first_x;
};

// Where the 4x4 outputs of a tile go, or their 2x2 windows if they are pooled: only rows x cols of
// them exist. The addend, which lies as dst does, is added to what is not pooled, unless it is
// null; then it is clipped. codes may be null.
struct WinogradOutput {
  float* dst;
  const float* addend;
  uint8_t* codes;
  int64_t row_stride, pixel_stride, rows, cols;
  Range range;
};

// c channels of one tile, at least these, whose 36 points are `stride` floats apart; with u the
// points of the weights and v those of the inputs, the sums of u v over the input channels are the
// points of the outputs.
constexpr int64_t kWinogradChannels = 16;
struct WinogradKernels {
  void (*input)(int64_t c, const WinogradPatch& patch, float* points, int64_t stride);
  void (*pooled_input)(int64_t c, const WinogradWindows& windows, float* points, int64_t stride);
  // of the outputs
  void (*gradient)(int64_t c, const WinogradPatch& patch, float* points, int64_t stride);
  void (*pooled_gradient)(int64_t c, const WinogradWindows& windows, float* points, int64_t stride);
  void (*output)(int64_t c, const float* points, int64_t stride, const float* bias,
                 const WinogradOutput& output);
  void (*pooled_output)(int64_t c, const float* points, int64_t stride, const float* bias,
                        const WinogradOutput& output);
  // 3x3 taps, tap_stride apart
  void (*weights)(int64_t c, const float* weights, int64_t tap_stride, float* points,
                  int64_t stride);
  void (*weights_gradient)(int64_t c, const float* points, int64_t stride, float* diff_weights,
                           int64_t tap_stride);
};

// The pixels that F(2x2, 2x2) of the phases of a 3x3 kernel of stride 2 transforms at once: 5x5 of
// an input, or 3x3 or 2x2 of a gradient, in the order of the image or against it.
struct Stride2Patch {
  const float* rows[5];  // from the first pixel on; rows outside the image are zeros
  int64_t pixel_stride;
  int64_t begin, end;  // the columns inside the image; the others are zeros and not read
};

// Where the 2x2 outputs of a tile go, or the 4x4 gradients of its inputs: only these rows and
// columns of them exist.
struct Stride2Tile {
  float* dst;
  int64_t row_stride, pixel_stride;
  int64_t row_begin, row_end, col_begin, col_end;
};

// c channels of one tile, at least kWinogradChannels. Points are `stride` floats apart, row by row:
// 5x5 of an input, 3x3 of an output or its gradient. Along an axis, output 0 is the sum of inputs 0
// and 1 times weights 0 and 1, output 1 that of 2 times 2, output 2 that of 3 and 4 times 3 and 4.
// Backwards, 4x4 points of a gradient: products 0 to 4 are those of inputs 0, 1, 1, 3, 2 times
// weights 4, 3, 2, 1, 0.
struct Stride2Kernels {
  void (*input)(int64_t c, const Stride2Patch& patch, float* points, int64_t stride);
  void (*gradient)(int64_t c, const Stride2Patch& patch, float* points, int64_t stride);
  void (*back_input)(int64_t c, const Stride2Patch& patch, float* points, int64_t stride);
  void (*output)(int64_t c, const float* points, int64_t stride, const float* bias,
                 const Stride2Tile& tile);
  void (*back_output)(int64_t c, const float* points, int64_t stride, const float* bias,
                      const Stride2Tile& tile);
  // 3x3 taps, tap_stride apart, to 5x5 points; those of weights 1 and 3 are the same
  void (*weights)(int64_t c, const float* weights, int64_t tap_stride, float* const* points);
  // of 4x4 sums: those of weights 1 and 3 are one
  void (*weights_gradient)(int64_t c, const float* sums, int64_t stride, float* diff_weights,
                           int64_t tap_stride);
};

// The pixels of a row from pixel 0 on, `width` of them, of which those of the first tile begin with
// pixel `first`. Pixels outside the row are zeros and not read.
struct PixelRow {
  const float* pixels;
  int64_t first, width;
};

// Winograd's algorithm along rows: tiles of `tile` outputs of a kernel of `taps` have 8 points,
// `stride` floats apart. c channels, at least kWinogradChannels, of tiles side by side.
struct RowWinogradKernels {
  int64_t taps, tile;
  void (*input)(int64_t c, int64_t tiles, const PixelRow& row, float* points, int64_t stride);
  // of the outputs
  void (*gradient)(int64_t c, int64_t tiles, const PixelRow& row, float* points, int64_t stride);
  // the first `pixels` outputs, or windows of two outputs; codes may be null
  void (*output)(int64_t c, int64_t pixels, const float* points, int64_t stride, const float* bias,
                 Range range, float* dst);
  void (*pooled_output)(int64_t c, int64_t windows, const float* points, int64_t stride,
                        const float* bias, Range range, float* dst, uint8_t* codes);
  void (*weights)(int64_t c, const float* weights, int64_t tap_stride, float* const* points);
  void (*weights_gradient)(int64_t c, const float* sums, int64_t stride, float* diff_weights,
                           int64_t tap_stride);
};

}  // namespace cnnx
