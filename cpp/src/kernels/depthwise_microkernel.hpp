// The micro-kernels of the depthwise convolution, see depthwise_table.hpp. Included by
// kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/depthwise_table.hpp"
#include "kernels/depthwise_tile.hpp"
#include "kernels/simd.hpp"

namespace cnnx {
namespace {

template <int Pixels, bool Full>
CNNX_INLINE void depthwise_tile(const DepthwiseTaps& taps, const float* src, int64_t src_stride,
                                const float* weights, Vec bias, float* dst, int64_t dst_stride,
                                int64_t cols) {
  Vec acc[Pixels];
#pragma GCC unroll 8
  for (int i = 0; i < Pixels; ++i) acc[i] = bias;
  for (int64_t ky = 0; ky < taps.rows; ++ky) {
    const float* x = src + ky * taps.row_stride;
    for (int64_t kx = 0; kx < taps.count; ++kx, x += taps.stride, weights += kLanes) {
      const Vec w = load(weights);
#pragma GCC unroll 8
      for (int i = 0; i < Pixels; ++i) acc[i] += load_channels<Full>(x + i * src_stride, cols) * w;
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Pixels; ++i) {
    float* const out = dst + i * dst_stride;
    Full ? store(out, acc[i]) : store_part(out, acc[i], cols);
  }
}

template <bool Full>
void depthwise_rows(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                    const float* weights, const float* bias, float* dst, int64_t cols) {
  constexpr int kPixels = 8;
  const Vec start = bias ? load_channels<Full>(bias, cols) : Vec{};
  for (int64_t r = 0; r < rows.count; ++r) {
    const float* x = src + r * rows.src_row_stride;
    float* y = dst + r * rows.dst_row_stride;
    int64_t left = rows.pixels;
    for (; left >= kPixels; left -= kPixels) {
      depthwise_tile<kPixels, Full>(taps, x, rows.src_stride, weights, start, y, rows.dst_stride,
                                    cols);
      x += kPixels * rows.src_stride, y += kPixels * rows.dst_stride;
    }
    for (; left >= 2; left -= 2) {
      depthwise_tile<2, Full>(taps, x, rows.src_stride, weights, start, y, rows.dst_stride, cols);
      x += 2 * rows.src_stride, y += 2 * rows.dst_stride;
    }
    if (left > 0) {
      depthwise_tile<1, Full>(taps, x, rows.src_stride, weights, start, y, rows.dst_stride, cols);
    }
  }
}

void depthwise_forward(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                       const float* weights, const float* bias, float* dst, int64_t cols) {
  (cols == kLanes ? depthwise_rows<true> : depthwise_rows<false>)(rows, taps, src, weights, bias,
                                                                  dst, cols);
}

template <int Rows, int Taps, bool Full>
void depthwise_weights_tile(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                            const float* diff_dst, float* diff_weights, int64_t ldw, int64_t cols) {
  Vec acc[Rows][Taps]{};
  for (int64_t r = 0; r < rows.count; ++r) {
    const float* x = src + r * rows.src_row_stride;
    const float* dy = diff_dst + r * rows.dst_row_stride;
    for (int64_t p = 0; p < rows.pixels; ++p, x += rows.src_stride, dy += rows.dst_stride) {
      const Vec gradient = load_channels<Full>(dy, cols);
#pragma GCC unroll 8
      for (int ky = 0; ky < Rows; ++ky) {
#pragma GCC unroll 8
        for (int kx = 0; kx < Taps; ++kx) {
          const float* const tap = x + ky * taps.row_stride + kx * taps.stride;
          acc[ky][kx] += load_channels<Full>(tap, cols) * gradient;
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int ky = 0; ky < Rows; ++ky) {
#pragma GCC unroll 8
    for (int kx = 0; kx < Taps; ++kx) {
      float* const out = diff_weights + (ky * taps.count + kx) * ldw;
      if (Full) {
        store(out, load(out) + acc[ky][kx]);
      } else {
        store_part(out, load_part(out, cols) + acc[ky][kx], cols);
      }
    }
  }
}

// The first `taken` taps of Rows kernel rows.
template <int Rows, int Taps = 5>
void depthwise_weights_rows(const ConvRows& rows, const DepthwiseTaps& taps, int64_t taken,
                            const float* src, const float* diff_dst, float* diff_weights,
                            int64_t ldw, int64_t cols) {
  if (taken == Taps) {
    (cols == kLanes ? depthwise_weights_tile<Rows, Taps, true>
                    : depthwise_weights_tile<Rows, Taps, false>)(rows, taps, src, diff_dst,
                                                                 diff_weights, ldw, cols);
  } else if constexpr (Taps > 1) {
    depthwise_weights_rows<Rows, Taps - 1>(rows, taps, taken, src, diff_dst, diff_weights, ldw,
                                           cols);
  }
}

void depthwise_backward_weights(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                                const float* diff_dst, float* diff_weights, int64_t ldw,
                                int64_t cols) {
  constexpr int64_t kMostTaps = 5, kTogether = 3;
  for (int64_t ky = 0; ky < taps.rows;) {
    const bool several = taps.rows - ky >= kTogether;
    for (int64_t kx = 0; kx < taps.count; kx += kMostTaps) {
      const int64_t left = taps.count - kx;
      (several ? depthwise_weights_rows<kTogether>
               : depthwise_weights_rows<1>)(rows, taps, left < kMostTaps ? left : kMostTaps,
                                            src + ky * taps.row_stride + kx * taps.stride, diff_dst,
                                            diff_weights + (ky * taps.count + kx) * ldw, ldw, cols);
    }
    ky += several ? kTogether : 1;
  }
}

constexpr DepthwiseKernels depthwise_kernels = {
    .lanes = kLanes,
    .forward = depthwise_forward,
    .backward_weights = depthwise_backward_weights,
    .tile_pixels = kTilePixels,
    .rows = {depthwise_row<3, 1>(), depthwise_row<5, 1>(), depthwise_row<7, 1>(),
             depthwise_row<3, 2>(), depthwise_row<5, 2>(), depthwise_row<7, 2>(),
             spread_row<3, 0>(), spread_row<5, 0>(), spread_row<7, 0>(), spread_row<3, 1>(),
             spread_row<5, 1>(), spread_row<7, 1>()},
};

}  // namespace
}  // namespace cnnx
