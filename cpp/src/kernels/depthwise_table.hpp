#pragma once

#include <cstdint>

#include "kernels/conv_table.hpp"
#include "kernels/range.hpp"

namespace cnnx {

// The taps of a kernel: `rows` rows of `count`, and how far apart they lie in src.
struct DepthwiseTaps {
  int64_t rows, count;
  int64_t row_stride, stride;
};

// Adjacent pixels of one output row and what they see of the image: `rows` rows of inputs, of which
// those in [begin, end) lie in it, and the weights of their taps. Outputs are written to the first
// `pixels` pixels. If the image is far away, the last rows_ahead rows fetch what lies src_ahead
// floats after them into the cache, and dst_ahead floats after the outputs.
struct DepthwiseTile {
  int64_t rows, begin, end, pixels, channels;
  int64_t src_row_stride, src_stride;
  int64_t weights_row_stride, weights_stride;
  int64_t dst_stride;
  int64_t rows_ahead, src_ahead, dst_ahead;
  Range range = {};  // of the outputs
};

// A row of `taps` taps, of which number t joins input j of a tile to output i if
// stride * i + t = spread * j - offset.
struct DepthwiseRow {
  int64_t taps, stride, spread, offset;
  // dst = bias, unless it is null, + the sum over all taps of src times weights
  void (*forward)(const DepthwiseTile& tile, const float* src, const float* weights,
                  const float* bias, float* dst);
  // diff_weights += the sum over all pixels of src times diff_dst; null with a spread
  void (*backward_weights)(const DepthwiseTile& tile, const float* src, const float* diff_dst,
                           float* diff_weights);
};

// Every channel has a kernel of its own. A vector holds `cols` <= lanes channels of one pixel, or
// all channels of several adjacent pixels; rows.pixels counts vectors.
struct DepthwiseKernels {
  int64_t lanes;
  // dst = bias (cols), unless it is null, + the sum over all taps of src times weights (taps,
  // lanes).
  void (*forward)(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                  const float* weights, const float* bias, float* dst, int64_t cols);
  // diff_weights (taps, cols; row stride ldw) += the sum over all vectors of src times diff_dst.
  void (*backward_weights)(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                           const float* diff_dst, float* diff_weights, int64_t ldw, int64_t cols);
  // The same for channels that fill a vector or most of it, in tiles of so many pixels.
  int64_t tile_pixels;
  DepthwiseRow rows[12];
};

}  // namespace cnnx
