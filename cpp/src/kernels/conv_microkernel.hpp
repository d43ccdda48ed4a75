// The micro-kernels of the direct convolution, see kernel_table.hpp. Included by
// kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/register_tile.hpp"

namespace cnnx {
namespace {

// Pixels * Vectors accumulators stay in registers. Three pixels share a base pointer: x86 adds an
// index to it for free, and there are not enough registers for a pointer each.
template <int Vectors, int Pixels>
void conv_tile(const ConvRuns& runs, const float* src, int64_t pixel_stride, const float* weights,
               const float* bias, float* dst, int64_t dst_stride, int64_t cols, bool accumulate) {
  Vec acc[Pixels][Vectors]{};
  for (int64_t r = 0; r < runs.count; ++r) {
    const float* base[(Pixels + 2) / 3];
#pragma GCC unroll 8
    for (int t = 0; t < (Pixels + 2) / 3; ++t) {
      base[t] = src + runs.offsets[r] + 3 * t * pixel_stride;
    }
    for (int64_t p = 0; p < runs.floats; ++p, weights += Vectors * kLanes) {
      Vec w[Vectors];
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) w[v] = load(weights + v * kLanes);
#pragma GCC unroll 32
      for (int i = 0; i < Pixels; ++i) {
        const Vec x = broadcast(base[i / 3][p + i % 3 * pixel_stride]);
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) acc[i][v] += x * w[v];
      }
    }
  }
  store_tile(acc, bias, dst, dst_stride, cols, accumulate);
}

template <int Vectors, int MostPixels, int Pixels = MostPixels>
void conv_microkernel(const ConvRuns& runs, const float* src, int64_t pixel_stride,
                      const float* weights, const float* bias, float* dst, int64_t dst_stride,
                      int64_t pixels, int64_t cols, bool accumulate) {
  if (pixels == Pixels) {
    conv_tile<Vectors, Pixels>(runs, src, pixel_stride, weights, bias, dst, dst_stride, cols,
                               accumulate);
  } else if constexpr (Pixels > 1) {
    conv_microkernel<Vectors, MostPixels, Pixels - 1>(runs, src, pixel_stride, weights, bias, dst,
                                                      dst_stride, pixels, cols, accumulate);
  }
}

template <int MostPixels, int Vectors>
constexpr ConvTile conv_tile_of() {
  return {conv_microkernel<Vectors, MostPixels>, MostPixels, Vectors * kLanes};
}

// Whole vectors of diff_dst (Full), or a last one that is cut.
template <int Runs, int Taps, int Vectors, bool Full>
void conv_weights_tile(const ConvRows& rows, const ConvTaps& taps, const float* src,
                       const float* diff_dst, float* diff_weights, int64_t ldw, int64_t cols) {
  Vec acc[Runs][Taps][Vectors]{};
  for (int64_t n = 0; n < rows.images; ++n) {
    for (int64_t r = 0; r < rows.count; ++r, diff_dst += rows.dst_row_stride) {
      const float* x = src + n * rows.src_image_stride + r * rows.src_row_stride;
      const float* dy = diff_dst;
      for (int64_t p = 0; p < rows.pixels; ++p, x += rows.src_stride, dy += rows.dst_stride) {
        Vec gradient[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
          const int64_t width = cols - v * kLanes;
          if (Full) {
            gradient[v] = load(dy + v * kLanes);
          } else {
            gradient[v] = width > 0 ? load_upto(dy + v * kLanes, width) : Vec{};
          }
        }
#pragma GCC unroll 8
        for (int run = 0; run < Runs; ++run) {
#pragma GCC unroll 32
          for (int i = 0; i < Taps; ++i) {
            const Vec x_tap = broadcast(x[run * taps.run_stride + i]);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) acc[run][i][v] += x_tap * gradient[v];
          }
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int run = 0; run < Runs; ++run) {
    store_tile(acc[run], nullptr, diff_weights + run * taps.run_taps * ldw, ldw, cols, true);
  }
}

template <int Runs, int MostTaps, int Vectors, int Taps = MostTaps>
void conv_weights_microkernel(const ConvRows& rows, const ConvTaps& taps, const float* src,
                              const float* diff_dst, float* diff_weights, int64_t ldw,
                              int64_t cols) {
  if (taps.taps == Taps) {
    const auto tile = cols == Vectors * kLanes ? conv_weights_tile<Runs, Taps, Vectors, true>
                                               : conv_weights_tile<Runs, Taps, Vectors, false>;
    tile(rows, taps, src, diff_dst, diff_weights, ldw, cols);
  } else if constexpr (Taps > 1) {
    conv_weights_microkernel<Runs, MostTaps, Vectors, Taps - 1>(rows, taps, src, diff_dst,
                                                                diff_weights, ldw, cols);
  }
}

template <int Runs, int MostTaps, int Vectors>
constexpr ConvWeightsTile conv_weights_tile_of() {
  return {conv_weights_microkernel<Runs, MostTaps, Vectors>, Runs, MostTaps, Vectors * kLanes};
}

}  // namespace
}  // namespace cnnx
