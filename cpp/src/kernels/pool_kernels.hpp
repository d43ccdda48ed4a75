#pragma once

#include "kernels/column_terms.hpp"
#include "kernels/long_sum.hpp"
#include "kernels/pool_table.hpp"
#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// Calls visit(offset, position) for the pixels of the window, in the order of their positions.
template <typename Visit>
CNNX_INLINE void for_each_pixel(const PoolWindow& window, Visit visit) {
  for (int64_t y = 0; y < window.rows; ++y) {
    for (int64_t x = 0; x < window.cols; ++x) {
      visit(y * window.row_stride + x * window.pixel_stride,
            static_cast<int32_t>(window.position + y * window.row_positions + x));
    }
  }
}

template <int Count>
struct VectorCount {
  constexpr int operator()() const { return Count; }
};
// Calls visit(vectors, j, channels) for channels [j, j + channels) of c, of several vectors while
// they are whole, then of one.
template <typename Visit>
CNNX_INLINE void for_vectors(int64_t c, Visit visit) {
  constexpr int kMost = 4;
  int64_t j = 0;
  for (; j + kMost * kLanes <= c; j += kMost * kLanes)
    visit(VectorCount<kMost>(), j, kMost * kLanes);
  for (; j < c; j += kLanes) visit(VectorCount<1>(), j, c - j);
}

// The first of the largest, and its number.
struct Largest {
  Vec value;
  IntVec code;
};
template <int Pixels>
CNNX_INLINE Largest largest_of(const Vec (&pixels)[Pixels]) {
  Largest largest{pixels[0], IntVec{}};
#pragma GCC unroll 4
  for (int32_t i = 1; i < Pixels; ++i) {
    const Vec best = largest.value;
    const IntVec better = ~(pixels[i] <= best) & (best == best);  // NaN is larger than any number
    largest.value = better ? pixels[i] : best;
    largest.code = better ? IntVec{} + i : largest.code;
  }
  return largest;
}

CNNX_INLINE void store_positions(int32_t* p, IntVec v, int64_t n) { store_upto(p, v, n); }
CNNX_INLINE void store_positions(uint8_t* p, IntVec v, int64_t n) { store_bytes_upto(p, v, n); }
CNNX_INLINE IntVec load_positions(const int32_t* p, int64_t n) { return load_upto(p, n); }
CNNX_INLINE IntVec load_positions(const uint8_t* p, int64_t n) { return load_bytes_upto(p, n); }

// The largest of the channels of so many vectors, wherever they lie in the window.
template <int Vectors>
CNNX_INLINE void max_pool_channels(int64_t c, const PoolWindow& window, const float* src,
                                   float* dst) {
  Vec best[Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) best[v] = load_upto(src + v * kLanes, c - v * kLanes);
  for_each_pixel(window, [&](int64_t offset, int32_t) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const Vec x = load_upto(src + offset + v * kLanes, c - v * kLanes);
      best[v] = largest_of<2>({best[v], x}).value;
    }
  });
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) store_upto(dst + v * kLanes, best[v], c - v * kLanes);
}

template <typename Position>
void max_pool_forward(int64_t c, const PoolWindow& window, const float* src, float* dst,
                      Position* argmax) {
  if (argmax == nullptr) {
    for_vectors(c, [&](auto vectors, int64_t j, int64_t channels) {
      max_pool_channels<vectors()>(channels, window, src + j, dst + j);
    });
    return;
  }
  for (int64_t j = 0; j < c; j += kLanes) {
    const int64_t left = c - j;
    Vec best = load_upto(src + j, left);
    IntVec best_position = IntVec{} + window.position;
    for_each_pixel(window, [&](int64_t offset, int32_t position) {
      const Vec x = load_upto(src + j + offset, left);
      const IntVec better = ~(x <= best) & (best == best);  // NaN is larger than any number
      best = better ? x : best;
      best_position = better ? IntVec{} + position : best_position;
    });
    store_upto(dst + j, best, left);
    store_positions(argmax + j, best_position, left);
  }
}

// share(position) goes to the window's pixels: added to what is there, or all there is.
template <typename Share>
CNNX_INLINE void share_out(const PoolWindow& window, bool add, float* diff_src, int64_t left,
                           Share share) {
  for_each_pixel(window, [&](int64_t offset, int32_t position) {
    float* const to = diff_src + offset;
    store_upto(to, add ? load_upto(to, left) + share(position) : share(position), left);
  });
}

template <typename Position>
void max_pool_backward(int64_t c, const PoolWindow& window, bool add, const float* diff_dst,
                       const Position* argmax, float* diff_src) {
  for (int64_t j = 0; j < c; j += kLanes) {
    const int64_t left = c - j;
    const Vec gradient = load_upto(diff_dst + j, left);
    const IntVec chosen = load_positions(argmax + j, left);
    share_out(window, add, diff_src + j, left,
              [&](int32_t position) { return chosen == position ? gradient : Vec{}; });
  }
}

// Of the channels of so many vectors: their sums do not wait for each other.
template <int Vectors>
CNNX_INLINE void sum_pool_channels(int64_t c, const PoolWindow& window, float divisor,
                                   const float* src, float* dst) {
  LongSum sums[Vectors];
  const auto add = [&](const float* pixel) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      sums[v].block += load_upto(pixel + v * kLanes, c - v * kLanes);
    }
  };
  if (window.rows * window.cols <= kSumBlock) {
    for_each_pixel(window, [&](int64_t offset, int32_t) { add(src + offset); });
  } else {
    for (int64_t y = 0; y < window.rows; ++y) {
      const float* const row = src + y * window.row_stride;
      for (int64_t first = 0; first < window.cols; first += kSumBlock) {
        const int64_t rest = window.cols - first;
        const int64_t last = rest < kSumBlock ? window.cols : first + kSumBlock;
        for (int64_t x = first; x < last; ++x) add(row + x * window.pixel_stride);
        for (LongSum& sum : sums) sum.end_block();
      }
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    store_upto(dst + v * kLanes, sums[v].total() / divisor, c - v * kLanes);
  }
}

void sum_pool_forward(int64_t c, const PoolWindow& window, float divisor, const float* src,
                      float* dst) {
  for_vectors(c, [&](auto vectors, int64_t j, int64_t channels) {
    sum_pool_channels<vectors()>(channels, window, divisor, src + j, dst + j);
  });
}

void sum_pool_backward(int64_t c, const PoolWindow& window, bool add, float divisor,
                       const float* diff_dst, float* diff_src) {
  for (int64_t j = 0; j < c; j += kLanes) {
    const int64_t left = c - j;
    const Vec share = load_upto(diff_dst + j, left) / divisor;
    share_out(window, add, diff_src + j, left, [&](int32_t) { return share; });
  }
}

// Pools `left` lanes of the pixels of windows, and clips them.
template <int Pixels>
CNNX_INLINE void pool2x2(const Vec (&pixels)[Pixels], Range range, float* dst, uint8_t* codes,
                         int64_t left) {
  const Largest largest = largest_of(pixels);
  store_upto(dst, clip(largest.value, broadcast(range.least), broadcast(range.most)), left);
  if (codes != nullptr) store_bytes_upto(codes, largest.code, left);
}

// Of up to this many channels a vector holds several windows.
constexpr int64_t kNarrow = kLanes / 2;

// The lanes' numbers divided by c <= kNarrow.
CNNX_INLINE IntVec lane_quotients(int64_t c) {
  return lane_numbers() * static_cast<int32_t>(65536 / c + 1) >> 16;
}

// Contiguous rows of narrow pixels: those of all windows that fit a vector are picked together.
void pool2x2_forward_narrow(int64_t windows, int64_t c, const float* above, const float* below,
                            float* dst, uint8_t* codes, Range range) {
  const int64_t together = kLanes / c;
  const IntVec even = lane_numbers() + lane_quotients(c) * static_cast<int32_t>(c);
  const IntVec left_pixels = even & (2 * kLanes - 1);
  const IntVec right_pixels = (even + static_cast<int32_t>(c)) & (2 * kLanes - 1);
  for (int64_t w = 0; w < windows; w += together) {
    const int64_t first = 2 * w * c, floats = 2 * windows * c - first;
    const int64_t rest = floats > kLanes ? floats - kLanes : 0;
    Vec pixels[4];
#pragma GCC unroll 2
    for (int64_t y = 0; y < 2; ++y) {
      const float* const row = (y == 0 ? above : below) + first;
      const Vec low = load_upto(row, floats), high = load_upto(row + kLanes, rest);
      pixels[2 * y] = permute(low, high, left_pixels);
      pixels[2 * y + 1] = permute(low, high, right_pixels);
    }
    const int64_t left = windows - w < together ? windows - w : together;
    pool2x2(pixels, range, dst + w * c, codes == nullptr ? nullptr : codes + w * c, left * c);
  }
}

// Two pixels of one row, or those below them too.
template <int Pixels>
CNNX_INLINE void pool2x2_forward_wide(int64_t windows, int64_t c, const float* above,
                                      const float* below, int64_t src_stride, float* dst,
                                      uint8_t* codes, int64_t dst_stride, Range range) {
  for (int64_t w = 0; w < windows; ++w) {
    const int64_t first = 2 * w * src_stride, to = w * dst_stride;
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      Vec pixels[Pixels];
#pragma GCC unroll 4
      for (int i = 0; i < Pixels; ++i) {
        const float* const row = i < 2 ? above : below;
        pixels[i] = load_upto(row + first + i % 2 * src_stride + j, left);
      }
      pool2x2(pixels, range, dst + to + j, codes == nullptr ? nullptr : codes + to + j, left);
    }
  }
}

// The same of whole vectors of channels, without codes.
template <int Pixels>
CNNX_INLINE void pool2x2_forward_whole(int64_t windows, int64_t c, const float* above,
                                       const float* below, int64_t src_stride, float* dst,
                                       int64_t dst_stride, Range range) {
  const Vec least = broadcast(range.least), most = broadcast(range.most);
  for (int64_t w = 0; w < windows; ++w, dst += dst_stride) {
    for (int64_t j = 0; j < c; j += kLanes) {
      Vec pixels[Pixels];
#pragma GCC unroll 4
      for (int i = 0; i < Pixels; ++i) {
        pixels[i] = load((i < 2 ? above : below) + (2 * w + i % 2) * src_stride + j);
      }
      store(dst + j, clip(largest_of(pixels).value, least, most));
    }
  }
}

void pool2x2_forward(int64_t windows, int64_t c, const float* above, const float* below,
                     int64_t src_stride, float* dst, uint8_t* codes, int64_t dst_stride,
                     Range range) {
  if (c <= kNarrow && src_stride == c && dst_stride == c) {
    pool2x2_forward_narrow(windows, c, above, below, dst, codes, range);
    return;
  }
  if (codes == nullptr && c % kLanes == 0) {
    const auto whole = above == below ? pool2x2_forward_whole<2> : pool2x2_forward_whole<4>;
    whole(windows, c, above, below, src_stride, dst, dst_stride, range);
    return;
  }
  const auto wide = above == below ? pool2x2_forward_wide<2> : pool2x2_forward_wide<4>;
  wide(windows, c, above, below, src_stride, dst, codes, dst_stride, range);
}

// The pixels of whole windows, as many as fit a vector together.
void pool2x2_backward_narrow(int64_t windows, int64_t c, int row, const float* diff_dst,
                             const uint8_t* codes, float* diff_src) {
  const int64_t together = kLanes / (2 * c);
  const IntVec pixel = lane_quotients(c);
  const IntVec source = lane_numbers() - (pixel - (pixel >> 1)) * static_cast<int32_t>(c);
  const IntVec code = 2 * row + (pixel & 1);
  for (int64_t w = 0; w < windows; w += together) {
    const int64_t left = (windows - w < together ? windows - w : together) * c;
    const Vec gradient = load_part(diff_dst + w * c, left);
    const Vec chosen = (Vec)load_bytes_upto(codes + w * c, left);
    const IntVec here = (IntVec)permute(chosen, chosen, source) == code;
    store_upto(diff_src + 2 * w * c, here ? permute(gradient, gradient, source) : Vec{}, 2 * left);
  }
}

CNNX_INLINE void pool2x2_backward_pixels(int64_t first, int64_t pixels, int64_t c, int row,
                                         const float* diff_dst, const uint8_t* codes,
                                         float* diff_src) {
  for (int64_t x = first; x < first + pixels; ++x, diff_src += c) {
    const int64_t window = x / 2 * c;
    const auto code = static_cast<int32_t>(2 * row + x % 2);
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const IntVec chosen = load_bytes_upto(codes + window + j, left);
      const Vec gradient = load_upto(diff_dst + window + j, left);
      store_upto(diff_src + j, chosen == code ? gradient : Vec{}, left);
    }
  }
}

// The two pixels of whole windows.
void pool2x2_backward_wide(int64_t windows, int64_t c, int row, const float* diff_dst,
                           const uint8_t* codes, float* diff_src) {
  for (int64_t w = 0; w < windows; ++w, diff_src += 2 * c) {
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const IntVec chosen = load_bytes_upto(codes + w * c + j, left) - 2 * row;
      const Vec gradient = load_upto(diff_dst + w * c + j, left);
      store_upto(diff_src + j, chosen == 0 ? gradient : Vec{}, left);
      store_upto(diff_src + c + j, chosen == 1 ? gradient : Vec{}, left);
    }
  }
}

void pool2x2_backward(int64_t first, int64_t pixels, int64_t c, int row, const float* diff_dst,
                      const uint8_t* codes, float* diff_src) {
  // A row may begin and end inside a window.
  const int64_t before = first % 2 < pixels ? first % 2 : pixels;
  const int64_t windows = (pixels - before) / 2;
  const int64_t begin = first + before, end = begin + 2 * windows;
  pool2x2_backward_pixels(first, before, c, row, diff_dst, codes, diff_src);
  const auto whole = c > kNarrow ? pool2x2_backward_wide : pool2x2_backward_narrow;
  whole(windows, c, row, diff_dst + begin / 2 * c, codes + begin / 2 * c, diff_src + before * c);
  pool2x2_backward_pixels(end, first + pixels - end, c, row, diff_dst, codes,
                          diff_src + (end - first) * c);
}

void rectify(int64_t n, float* dst, uint8_t* codes) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec x = load_upto(dst + i, n - i);
    const IntVec code = load_bytes_upto(codes + i, n - i);
    store_upto(dst + i, x <= 0.0f ? Vec{} : x, n - i);  // NaN stays
    store_bytes_upto(codes + i, x > 0.0f ? code : IntVec{} + kRectified, n - i);
  }
}

void pool2x2_add_column_sums(int64_t rows, int64_t c, const float* diff_dst, const uint8_t* codes,
                             float* sums) {
  float* const to[] = {sums};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t, int64_t left, Vec* acc) {
    const IntVec code = load_bytes_upto(codes + i, left);
    const Vec gradient = load_upto(diff_dst + i, left);
    acc[0] += code == IntVec{} + kRectified ? Vec{} : gradient;
  });
}

constexpr Pool2x2Kernels pool2x2_kernels = {
    .forward = pool2x2_forward,
    .backward = pool2x2_backward,
    .rectify = rectify,
    .add_column_sums = pool2x2_add_column_sums,
};

constexpr PoolKernels pool_kernels = {
    .bytes = {max_pool_forward<uint8_t>, max_pool_backward<uint8_t>},
    .words = {max_pool_forward<int32_t>, max_pool_backward<int32_t>},
    .sum_forward = sum_pool_forward,
    .sum_backward = sum_pool_backward,
};

}  // namespace
}  // namespace cnnx
