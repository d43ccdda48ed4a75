#pragma once

#include <cstdint>

#include "kernels/range.hpp"

namespace cnnx {

// The input that one output pixel sees, as runs of contiguous floats at offsets from its first. The
// range bounds the sums over all of them; tiles of several steps know none. Before every
// kStretchFloats floats of a run but the last, so many cache lines of what is ahead are fetched.
constexpr int64_t kStretchFloats = 16;
struct ConvRuns {
  int64_t count, floats;
  const int64_t* offsets;
  Range range = {};
  const float* ahead = nullptr;
  int64_t ahead_lines = 0;
};

// dst (pixels, cols; row stride dst_stride) = the sum over all runs of src, pixel_stride floats
// further on for each pixel, times weights (count * floats, channels), packed and padded. Adds bias
// (cols), and what lies at addend as dst does, unless they are null; addend may be dst. More pixels
// than a register tile has take several, each of which fetches the same lines ahead.
using ConvMicrokernel = void (*)(const ConvRuns& runs, const float* src, int64_t pixel_stride,
                                 const float* weights, const float* bias, float* dst,
                                 int64_t dst_stride, int64_t pixels, int64_t cols,
                                 const float* addend);

// Register tile: at most `pixels` of one output row by at most `channels` of its channels. With
// more than one step, for runs that are so many times as long as pixel_stride.
struct ConvTile {
  ConvMicrokernel microkernel;
  int64_t pixels, channels, steps;
};

// Rows of output pixels of some images, and where their input and their gradients lie. The
// gradients of a row follow those of the row before, of the same image or not. Cache lines `ahead`
// are fetched meanwhile.
struct ConvRows {
  int64_t images, count, pixels;
  int64_t src_image_stride, src_row_stride, src_stride;
  int64_t dst_row_stride, dst_stride;
  const float* ahead = nullptr;
  int64_t ahead_lines = 0;
};

// Some taps of the kernel: `taps` contiguous floats of src in each step of each run. The runs are
// run_stride floats apart in src and run_taps rows in diff_weights, the steps a pixel's src_stride
// and step_taps rows.
struct ConvTaps {
  int64_t taps, run_stride, run_taps, step_taps;
};

// diff_weights (taps of each run and step, cols; row stride ldw) += the sum over all pixels of the
// taps times `cols` of diff_dst.
using ConvWeightsMicrokernel = void (*)(const ConvRows& rows, const ConvTaps& taps,
                                        const float* src, const float* diff_dst,
                                        float* diff_weights, int64_t ldw, int64_t cols);

// Register tile: `runs` runs of `steps` steps of at most `taps` floats, by `channels` of diff_dst;
// for rows of at least `steps` pixels.
struct ConvWeightsTile {
  ConvWeightsMicrokernel microkernel;
  int64_t runs, steps, taps, channels;
};

// What a register tile takes, as measured: vector loads that fit in the time of one product, and
// the accumulators that hide the latency of their sums; fewer take as long.
struct TileTimes {
  int64_t loads_a_product, accumulators;
};

}  // namespace cnnx
