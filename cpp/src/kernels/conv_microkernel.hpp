// The micro-kernels of the direct convolution, see conv_table.hpp. Included by
// kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/cache_line.hpp"
#include "kernels/conv_table.hpp"
#include "kernels/register_tile.hpp"

namespace cnnx {
namespace {

constexpr int64_t kLongSum = 24;  // long enough to fetch what it will be stored to meanwhile
constexpr int kUnderWay = 16;     // cache lines that a core can fetch at once, about
constexpr int64_t kLongRow = 24;  // whose pixels outweigh a branch
constexpr int64_t kFetched = 4;   // rows to fetch in each stretch

// Pixels * Vectors accumulators stay in registers. A run is Steps times as long as the way from
// pixel to pixel, so that up to Steps pixels see a float of it, which is broadcast once for them
// all. Three pixels share a base pointer: x86 adds an index to it for free, and there are not
// enough registers for a pointer each. Where dst has many cache lines, they are fetched a few at a
// time within long runs, as weights that come from L2 would wait for all.
template <int Vectors, int Steps, int Pixels>
void conv_tile(const ConvRuns& runs, const float* src, int64_t pixel_stride, const float* weights,
               const float* bias, float* dst, int64_t dst_stride, int64_t cols,
               const float* addend) {
  constexpr int kSeen = Pixels + Steps - 1;
  Vec acc[Pixels][Vectors]{};
  constexpr int64_t stretch = kStretchFloats * Vectors * kLanes;
  constexpr bool many = Steps > 1 && Pixels * Vectors > kUnderWay;
  constexpr bool few = Steps == 1 && Pixels > 1 && (Pixels + 1) * Vectors < kRegisters;
  constexpr bool gentle = Steps == 1 || Vectors > 1;  // the few weights of others lie in L1
  int64_t fetched = many && pixel_stride > kStretchFloats ? 0 : Pixels;
  const float* ahead = runs.ahead;
  if (fetched > 0 && runs.count * runs.floats >= kLongSum) {
    prefetch_tile<Pixels, Vectors>(dst, dst_stride);
    if (addend != nullptr && addend != dst) {
      prefetch_tile<Pixels, Vectors, false>(addend, dst_stride);
    }
  }
  const int64_t step = (Steps == 1 ? runs.floats : pixel_stride) * Vectors * kLanes;
  for (int64_t r = 0; r < runs.count; ++r, weights += (Steps - 1) * step) {
    const float* base[(kSeen + 2) / 3];
#pragma GCC unroll 8
    for (int t = 0; t < (kSeen + 2) / 3; ++t) {
      base[t] = src + runs.offsets[r] + 3 * t * pixel_stride;
    }
    const float* const end = weights + step;
    int64_t p = 0;
    const auto add = [&]() __attribute__((always_inline)) {
      Vec w[Steps][Vectors];
#pragma GCC unroll 8
      for (int s = 0; s < Steps; ++s) {
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
          const Vec weight = load(weights + s * step + v * kLanes);
          w[s][v] = few ? in_register(weight) : weight;
        }
      }
#pragma GCC unroll 32
      for (int i = 0; i < kSeen; ++i) {
        const Vec x = broadcast(base[i / 3][p + i % 3 * pixel_stride]);
#pragma GCC unroll 8
        for (int s = 0; s < Steps; ++s) {
          if (i < s || i - s >= Pixels) continue;
#pragma GCC unroll 8
          for (int v = 0; v < Vectors; ++v) acc[i - s][v] += x * w[s][v];
        }
      }
      ++p;
      weights += Vectors * kLanes;
    };
    while (gentle && (fetched < Pixels || runs.ahead_lines > 0) && end - weights > stretch) {
      if (fetched < Pixels) {
        prefetch_tile<kFetched, Vectors>(dst + fetched * dst_stride, dst_stride);
        fetched += kFetched;
      } else {
        for (int64_t i = 0; i < runs.ahead_lines; ++i, ahead += kLineFloats) {
          __builtin_prefetch(ahead, 0, 2);
        }
      }
      const float* const stop = weights + stretch;
      while (weights < stop) add();
    }
    // One step is too little work to wait for a branch after each.
    if constexpr (Steps == 1) {
#pragma GCC unroll 2
      while (weights < end) add();
    } else {
      while (weights < end) add();
    }
  }
  if (Steps == 1 && runs.range.is_bounded()) {
    const Vec least = broadcast(runs.range.least), most = broadcast(runs.range.most);
    store_tile<false>(acc, bias, dst, dst_stride, cols, addend,
                      [=](Vec x) __attribute__((always_inline)) { return clip(x, least, most); });
  } else {
    store_tile<false>(acc, bias, dst, dst_stride, cols, addend);
  }
}

// The same for several whole tiles side by side, of whole vectors that nothing is added to but the
// bias: what a tile costs beside its products is less.
template <int Vectors, int Pixels>
void conv_tiles(const ConvRuns& runs, const float* src, int64_t pixel_stride, const float* weights,
                const float* bias, float* dst, int64_t dst_stride, int64_t tiles) {
  const bool fetches = runs.count * runs.floats >= kLongSum;
  const int64_t step = runs.floats * Vectors * kLanes;
  for (; tiles > 0; --tiles, src += Pixels * pixel_stride, dst += Pixels * dst_stride) {
    if (fetches) prefetch_tile<Pixels, Vectors>(dst, dst_stride);
    Vec acc[Pixels][Vectors]{};
    const float* w = weights;
    for (int64_t r = 0; r < runs.count; ++r) {
      const float* base[(Pixels + 2) / 3];
#pragma GCC unroll 8
      for (int t = 0; t < (Pixels + 2) / 3; ++t) {
        base[t] = src + runs.offsets[r] + 3 * t * pixel_stride;
      }
      for (const float* const end = w + step; w < end; w += Vectors * kLanes) {
        Vec weight[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) weight[v] = load(w + v * kLanes);
#pragma GCC unroll 32
        for (int i = 0; i < Pixels; ++i) {
          const Vec x = broadcast(base[i / 3][i % 3 * pixel_stride]);
#pragma GCC unroll 8
          for (int v = 0; v < Vectors; ++v) acc[i][v] += x * weight[v];
        }
#pragma GCC unroll 8
        for (int t = 0; t < (Pixels + 2) / 3; ++t) ++base[t];
      }
    }
    store_tile<true>(acc, bias, dst, dst_stride, Vectors * kLanes, nullptr);
  }
}

template <int Vectors, int Steps, int MostPixels, int Pixels = MostPixels>
void conv_part(const ConvRuns& runs, const float* src, int64_t pixel_stride, const float* weights,
               const float* bias, float* dst, int64_t dst_stride, int64_t pixels, int64_t cols,
               const float* addend) {
  if (pixels == Pixels) {
    conv_tile<Vectors, Steps, Pixels>(runs, src, pixel_stride, weights, bias, dst, dst_stride, cols,
                                      addend);
  } else if constexpr (Pixels > 1) {
    conv_part<Vectors, Steps, MostPixels, Pixels - 1>(runs, src, pixel_stride, weights, bias, dst,
                                                      dst_stride, pixels, cols, addend);
  }
}

// A last tile of few pixels would wait for its sums: the last two then have nearly equal sizes.
template <int Vectors, int Steps, int MostPixels>
void conv_microkernel(const ConvRuns& runs, const float* src, int64_t pixel_stride,
                      const float* weights, const float* bias, float* dst, int64_t dst_stride,
                      int64_t pixels, int64_t cols, const float* addend) {
  if (pixels <= MostPixels) {
    conv_part<Vectors, Steps, MostPixels>(runs, src, pixel_stride, weights, bias, dst, dst_stride,
                                          pixels, cols, addend);
    return;
  }
  if constexpr (Steps == 1) {
    const int64_t whole = pixels / MostPixels, rest = pixels % MostPixels;
    const int64_t tiles = rest == 0 || 2 * rest >= MostPixels ? whole : whole - 1;
    const bool plain = addend == nullptr && !runs.range.is_bounded() && runs.ahead_lines == 0;
    if (tiles > 1 && plain && cols == Vectors * kLanes) {
      conv_tiles<Vectors, MostPixels>(runs, src, pixel_stride, weights, bias, dst, dst_stride,
                                      tiles);
      const int64_t made = tiles * MostPixels;
      src += made * pixel_stride, dst += made * dst_stride, pixels -= made;
    }
  }
  for (int64_t left = (pixels + MostPixels - 1) / MostPixels; left > 0; --left) {
    const int64_t count = (pixels + left - 1) / left;
    conv_part<Vectors, Steps, MostPixels>(runs, src, pixel_stride, weights, bias, dst, dst_stride,
                                          count, cols, addend);
    src += count * pixel_stride, dst += count * dst_stride, pixels -= count;
    if (addend != nullptr) addend += count * dst_stride;
  }
}

template <int MostPixels, int Vectors, int Steps = 1>
constexpr ConvTile conv_tile_of() {
  return {conv_microkernel<Vectors, Steps, MostPixels>, MostPixels, Vectors * kLanes, Steps};
}

// Whole vectors of diff_dst (Whole), or a last one that is cut. A tap at one pixel is a step's tap
// at the pixel before: each float of src is broadcast once for the gradients of the last Steps
// pixels. What is ahead is fetched before the first row, or, where many misses would hold up fast
// products, a little with every row.
template <int Runs, int Steps, int Taps, int Vectors, bool Whole>
void conv_weights_tile(const ConvRows& rows, const ConvTaps& taps, const float* src,
                       const float* diff_dst, float* diff_weights, int64_t ldw, int64_t cols) {
  Vec acc[Runs][Steps][Taps][Vectors]{};
  Vec gradients[Steps][Vectors]{};
  const float *x, *dy;
  const auto age = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int s = Steps - 1; s > 0; --s) {
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) gradients[s][v] = gradients[s - 1][v];
    }
  };
  const auto take = [&]() __attribute__((always_inline)) {
    age();
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      gradients[0][v] = load_row<Whole>(dy + v * kLanes, cols - v * kLanes);
    }
    dy += rows.dst_stride;
  };
  const auto add = [&](int first, int last) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int run = 0; run < Runs; ++run) {
#pragma GCC unroll 32
      for (int i = 0; i < Taps; ++i) {
        const Vec x_tap = broadcast(x[run * taps.run_stride + i]);
#pragma GCC unroll 8
        for (int s = 0; s < Steps; ++s) {
          if (s < first || s > last) continue;
#pragma GCC unroll 8
          for (int v = 0; v < Vectors; ++v) acc[run][s][i][v] += x_tap * gradients[s][v];
        }
      }
    }
    x += rows.src_stride;
  };
  const auto sums = [&](int run, int s) {
    return diff_weights + (run * taps.run_taps + s * taps.step_taps) * ldw;
  };
#pragma GCC unroll 8
  for (int run = 0; run < Runs; ++run) {
#pragma GCC unroll 8
    for (int s = 0; s < Steps; ++s) prefetch_tile<Taps, Vectors>(sums(run, s), ldw);
  }
  const float* ahead = rows.ahead;
  const float* const ahead_end = ahead + rows.ahead_lines * kLineFloats;
  const auto fetch = [&](int64_t lines) __attribute__((always_inline)) {
    for (int64_t i = 0; i < lines && ahead < ahead_end; ++i, ahead += kLineFloats) {
      __builtin_prefetch(ahead, 0, 2);
    }
  };
  constexpr bool fast = Whole && kLanes == 16;
  const bool gently = fast && rows.pixels >= kLongRow && rows.ahead_lines > 0;
  const int64_t few = gently ? 1 + (rows.ahead_lines - 1) / (rows.images * rows.count) : 0;
  if (!gently) fetch(rows.ahead_lines);
  for (int64_t n = 0; n < rows.images; ++n) {
    for (int64_t r = 0; r < rows.count; ++r, diff_dst += rows.dst_row_stride) {
      if (fast) fetch(few);
      x = src + n * rows.src_image_stride + r * rows.src_row_stride;
      dy = diff_dst;
#pragma GCC unroll 8
      for (int s = 0; s < Steps - 1; ++s) take(), add(0, s);
#pragma GCC unroll 2
      for (int64_t p = Steps - 1; p < rows.pixels; ++p) take(), add(0, Steps - 1);
#pragma GCC unroll 8
      for (int s = 1; s < Steps; ++s) age(), add(s, Steps - 1);
    }
  }
#pragma GCC unroll 8
  for (int run = 0; run < Runs; ++run) {
#pragma GCC unroll 8
    for (int s = 0; s < Steps; ++s) {
      store_tile<Whole>(acc[run][s], nullptr, sums(run, s), ldw, cols, sums(run, s));
    }
  }
}

template <int Runs, int Steps, int MostTaps, int Vectors, int Taps = MostTaps>
void conv_weights_microkernel(const ConvRows& rows, const ConvTaps& taps, const float* src,
                              const float* diff_dst, float* diff_weights, int64_t ldw,
                              int64_t cols) {
  if (taps.taps == Taps) {
    const auto tile = cols < Vectors * kLanes ? conv_weights_tile<Runs, Steps, Taps, Vectors, false>
                                              : conv_weights_tile<Runs, Steps, Taps, Vectors, true>;
    tile(rows, taps, src, diff_dst, diff_weights, ldw, cols);
  } else if constexpr (Taps > 1) {
    conv_weights_microkernel<Runs, Steps, MostTaps, Vectors, Taps - 1>(rows, taps, src, diff_dst,
                                                                       diff_weights, ldw, cols);
  }
}

template <int Runs, int Steps, int MostTaps, int Vectors>
constexpr ConvWeightsTile conv_weights_tile_of() {
  return {conv_weights_microkernel<Runs, Steps, MostTaps, Vectors>, Runs, Steps, MostTaps,
          Vectors * kLanes};
}

}  // namespace
}  // namespace cnnx
