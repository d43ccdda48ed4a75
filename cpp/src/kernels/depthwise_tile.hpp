// The micro-kernels of depthwise convolutions that read images where they lie, see
// depthwise_table.hpp. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/depthwise_table.hpp"
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

// Whether all inputs lie in the image, and all outputs are wanted.
template <typename Row>
CNNX_INLINE bool is_inner(const DepthwiseTile& tile) {
  return tile.begin <= 0 && tile.end >= Row::kInputs && tile.pixels >= kTilePixels;
}

// Calls visit(j, pointer to input j) for the inputs of a row that lie in the image: all of
// them (Inner), or those in [begin, end). One pointer serves three inputs: there are not enough
// registers for one each.
template <typename Row, bool Inner, typename Visit>
CNNX_INLINE void for_each_input(const DepthwiseTile& tile, const float* src, Visit visit) {
  const int64_t stride = tile.src_stride;
#pragma GCC unroll 64
  for (int j = 0; j < Row::kInputs; ++j) {
    if (j > 0 && j % 3 == 0) {
      src += 3 * stride;
      __asm__("" : "+r"(src));  // else the compiler keeps an address for each input in memory
    }
    if (Inner || (j >= tile.begin && j < tile.end)) visit(j, src + j % 3 * stride);
  }
}

template <typename Row, bool Inner, bool Full>
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
    for_each_input<Row, Inner>(tile, src,
                               [&](int j, const float* p) __attribute__((always_inline)) {
                                 const Vec x = in_register(load_channels<Full>(p, cols));
#pragma GCC unroll 16
                                 for (int i = 0; i < kTilePixels; ++i) {
                                   if (Row::has_tap(i, j)) acc[i] += x * w[Row::tap(i, j)];
                                 }
                               });
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
    if (!Inner && i >= tile.pixels) continue;
    store_channels<Full>(dst + i * tile.dst_stride, clip(acc[i], least, most), cols);
  }
}

template <typename Row, bool Inner>
void make_tile_of(const DepthwiseTile& tile, const float* src, const float* weights,
                  const float* bias, float* dst) {
  int64_t c = 0;
  for (; c + kLanes <= tile.channels; c += kLanes) {
    make_channels<Row, Inner, true>(tile, src + c, weights + c,
                                    bias == nullptr ? Vec{} : load(bias + c), dst + c, kLanes);
  }
  if (const int64_t cols = tile.channels - c; cols > 0) {
    make_channels<Row, false, false>(tile, src + c, weights + c,
                                     bias == nullptr ? Vec{} : load_part(bias + c, cols), dst + c,
                                     cols);
  }
}

template <typename Row>
void make_tile(const DepthwiseTile& tile, const float* src, const float* weights, const float* bias,
               float* dst) {
  (is_inner<Row>(tile) ? make_tile_of<Row, true> : make_tile_of<Row, false>)(tile, src, weights,
                                                                             bias, dst);
}

template <typename Row, bool Inner, bool Full>
CNNX_INLINE void add_channels(const DepthwiseTile& tile, const float* src, const float* diff_dst,
                              float* diff_weights, int64_t cols) {
  Vec gradients[kTilePixels];
#pragma GCC unroll 16
  for (int i = 0; i < kTilePixels; ++i) {
    gradients[i] = Inner || i < tile.pixels
                       ? load_channels<Full>(diff_dst + i * tile.dst_stride, cols)
                       : Vec{};
  }
  for (int64_t y = 0; y < tile.rows; ++y) {
    Vec acc[Row::kTaps];
#pragma GCC unroll 8
    for (int t = 0; t < Row::kTaps; ++t) {
      acc[t] = load_channels<Full>(diff_weights + t * tile.weights_stride, cols);
    }
    for_each_input<Row, Inner>(tile, src,
                               [&](int j, const float* p) __attribute__((always_inline)) {
                                 const Vec x = in_register(load_channels<Full>(p, cols));
#pragma GCC unroll 16
                                 for (int i = 0; i < kTilePixels; ++i) {
                                   if (Row::has_tap(i, j)) acc[Row::tap(i, j)] += x * gradients[i];
                                 }
                               });
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

template <typename Row, bool Inner>
void add_tile_of(const DepthwiseTile& tile, const float* src, const float* diff_dst,
                 float* diff_weights) {
  int64_t c = 0;
  for (; c + kLanes <= tile.channels; c += kLanes) {
    add_channels<Row, Inner, true>(tile, src + c, diff_dst + c, diff_weights + c, kLanes);
  }
  if (const int64_t cols = tile.channels - c; cols > 0) {
    add_channels<Row, false, false>(tile, src + c, diff_dst + c, diff_weights + c, cols);
  }
}

template <typename Row>
void add_tile(const DepthwiseTile& tile, const float* src, const float* diff_dst,
              float* diff_weights) {
  (is_inner<Row>(tile) ? add_tile_of<Row, true> : add_tile_of<Row, false>)(tile, src, diff_dst,
                                                                           diff_weights);
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
