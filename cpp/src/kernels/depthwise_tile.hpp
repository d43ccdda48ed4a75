// The micro-kernels of depthwise convolutions that read images where they lie, see
// kernel_table.hpp. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/register_tile.hpp"
#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// Whole vectors (Full), or the first `cols` floats of each.
template <bool Full>
CNNX_INLINE Vec load_channels(const float* p, int64_t cols) {
  return Full ? load(p) : load_part(p, cols);
}
template <bool Full>
CNNX_INLINE void store_channels(float* p, Vec v, int64_t cols) {
  Full ? store(p, v) : store_part(p, v, cols);
}

// As many outputs as leave registers for a row of weights.
constexpr int kTilePixels = kRegisters == 32 ? 14 : 7;

// Which tap of a row joins an input of a tile to an output. The compiler knows it, so that each
// input is loaded once for all outputs that see it.
template <int Taps, int Stride, int Spread, int Offset>
struct TapRow {
  static constexpr int kTaps = Taps;
  static constexpr int kInputs = (Stride * (kTilePixels - 1) + Taps - 1 + Offset) / Spread + 1;
  static constexpr int tap(int output, int input) {
    return Spread * input - Offset - Stride * output;
  }
  static constexpr bool has_tap(int output, int input) {
    return tap(output, input) >= 0 && tap(output, input) < Taps;
  }
};

template <typename Row>
CNNX_INLINE void fetch_inputs(const DepthwiseTile& tile, const float* src, int64_t row) {
  if (row < tile.rows - tile.rows_ahead) return;
  const float* const ahead = src + tile.src_ahead;
#pragma GCC unroll 64
  for (int j = 0; j < Row::kInputs; ++j) __builtin_prefetch(ahead + j * tile.src_stride);
}

template <typename Row, bool Full>
CNNX_INLINE void make_channels(const DepthwiseTile& tile, const float* src, const float* weights,
                               Vec bias, float* dst, int64_t cols) {
  Vec acc[kTilePixels];
#pragma GCC unroll 16
  for (int i = 0; i < kTilePixels; ++i) acc[i] = bias;
  for (int64_t y = 0; y < tile.rows; ++y) {
    Vec w[Row::kTaps];
#pragma GCC unroll 8
    for (int t = 0; t < Row::kTaps; ++t) {
      w[t] = load_channels<Full>(weights + t * tile.weights_stride, cols);
    }
#pragma GCC unroll 64
    for (int j = 0; j < Row::kInputs; ++j) {
      if (j < tile.begin || j >= tile.end) continue;
      const Vec x = load_channels<Full>(src + j * tile.src_stride, cols);
#pragma GCC unroll 16
      for (int i = 0; i < kTilePixels; ++i) {
        if (Row::has_tap(i, j)) acc[i] += x * w[Row::tap(i, j)];
      }
    }
    fetch_inputs<Row>(tile, src, y);
    src += tile.src_row_stride;
    weights += tile.weights_row_stride;
  }
  if (tile.rows_ahead > 0) {
    float* const ahead = dst + tile.dst_ahead;
#pragma GCC unroll 16
    for (int i = 0; i < kTilePixels; ++i) __builtin_prefetch(ahead + i * tile.dst_stride, 1);
  }
  const Vec least = broadcast(tile.range.least), most = broadcast(tile.range.most);
#pragma GCC unroll 16
  for (int i = 0; i < kTilePixels; ++i) {
    if (i >= tile.pixels) continue;
    store_channels<Full>(dst + i * tile.dst_stride, clip(acc[i], least, most), cols);
  }
}

template <typename Row>
void make_tile(const DepthwiseTile& tile, const float* src, const float* weights, const float* bias,
               float* dst) {
  for (int64_t c = 0; c < tile.channels; c += kLanes) {
    const int64_t cols = tile.channels - c;
    const Vec start = bias == nullptr ? Vec{} : load_upto(bias + c, cols);
    (cols >= kLanes ? make_channels<Row, true>
                    : make_channels<Row, false>)(tile, src + c, weights + c, start, dst + c, cols);
  }
}

template <typename Row, bool Full>
CNNX_INLINE void add_channels(const DepthwiseTile& tile, const float* src, const float* diff_dst,
                              float* diff_weights, int64_t cols) {
  Vec gradients[kTilePixels];
#pragma GCC unroll 16
  for (int i = 0; i < kTilePixels; ++i) {
    gradients[i] =
        i < tile.pixels ? load_channels<Full>(diff_dst + i * tile.dst_stride, cols) : Vec{};
  }
  for (int64_t y = 0; y < tile.rows; ++y) {
    Vec acc[Row::kTaps];
#pragma GCC unroll 8
    for (int t = 0; t < Row::kTaps; ++t) {
      acc[t] = load_channels<Full>(diff_weights + t * tile.weights_stride, cols);
    }
#pragma GCC unroll 64
    for (int j = 0; j < Row::kInputs; ++j) {
      if (j < tile.begin || j >= tile.end) continue;
      const Vec x = load_channels<Full>(src + j * tile.src_stride, cols);
#pragma GCC unroll 16
      for (int i = 0; i < kTilePixels; ++i) {
        if (Row::has_tap(i, j)) acc[Row::tap(i, j)] += x * gradients[i];
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < Row::kTaps; ++t) {
      store_channels<Full>(diff_weights + t * tile.weights_stride, acc[t], cols);
    }
    fetch_inputs<Row>(tile, src, y);
    src += tile.src_row_stride;
    diff_weights += tile.weights_row_stride;
  }
  if (tile.rows_ahead > 0) {
    const float* const ahead = diff_dst + tile.dst_ahead;
#pragma GCC unroll 16
    for (int i = 0; i < kTilePixels; ++i) __builtin_prefetch(ahead + i * tile.dst_stride);
  }
}

template <typename Row>
void add_tile(const DepthwiseTile& tile, const float* src, const float* diff_dst,
              float* diff_weights) {
  for (int64_t c = 0; c < tile.channels; c += kLanes) {
    const int64_t cols = tile.channels - c;
    (cols >= kLanes ? add_channels<Row, true> : add_channels<Row, false>)(tile, src + c,
                                                                          diff_dst + c,
                                                                          diff_weights + c, cols);
  }
}

template <int Taps, int Stride>
constexpr DepthwiseRow depthwise_row() {
  using Row = TapRow<Taps, Stride, 1, 0>;
  return {Taps, Stride, 1, 0, make_tile<Row>, add_tile<Row>};
}
template <int Taps, int Offset>
constexpr DepthwiseRow spread_row() {
  return {Taps, 1, 2, Offset, make_tile<TapRow<Taps, 1, 2, Offset>>, nullptr};
}

}  // namespace
}  // namespace cnnx
