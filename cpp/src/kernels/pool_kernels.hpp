#pragma once

#include "kernels/kernel_table.hpp"
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

// The first of the largest, and its number.
struct LargestOf4 {
  Vec value;
  IntVec code;
};
CNNX_INLINE LargestOf4 largest_of(const Vec (&pixels)[4]) {
  LargestOf4 largest{pixels[0], IntVec{}};
#pragma GCC unroll 4
  for (int32_t i = 1; i < 4; ++i) {
    const Vec best = largest.value;
    const IntVec better = ~(pixels[i] <= best) & (best == best);  // NaN is larger than any number
    largest.value = better ? pixels[i] : best;
    largest.code = better ? IntVec{} + i : largest.code;
  }
  return largest;
}

void max_pool_forward(int64_t c, const PoolWindow& window, const float* src, float* dst,
                      int32_t* argmax) {
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
    if (argmax != nullptr) store_upto(argmax + j, best_position, left);
  }
}

void max_pool_backward(int64_t c, const PoolWindow& window, const float* diff_dst,
                       const int32_t* argmax, float* diff_src) {
  for (int64_t j = 0; j < c; j += kLanes) {
    const int64_t left = c - j;
    const Vec gradient = load_upto(diff_dst + j, left);
    const IntVec chosen = load_upto(argmax + j, left);
    for_each_pixel(window, [&](int64_t offset, int32_t position) {
      float* const to = diff_src + j + offset;
      const Vec share = chosen == position ? gradient : Vec{};
      store_upto(to, load_upto(to, left) + share, left);
    });
  }
}

void sum_pool_forward(int64_t c, const PoolWindow& window, float divisor, const float* src,
                      float* dst) {
  for (int64_t j = 0; j < c; j += kLanes) {
    const int64_t left = c - j;
    Vec sum{};
    for_each_pixel(window,
                   [&](int64_t offset, int32_t) { sum += load_upto(src + j + offset, left); });
    store_upto(dst + j, sum / divisor, left);
  }
}

void sum_pool_backward(int64_t c, const PoolWindow& window, float divisor, const float* diff_dst,
                       float* diff_src) {
  for (int64_t j = 0; j < c; j += kLanes) {
    const int64_t left = c - j;
    const Vec share = load_upto(diff_dst + j, left) / divisor;
    for_each_pixel(window, [&](int64_t offset, int32_t) {
      float* const to = diff_src + j + offset;
      store_upto(to, load_upto(to, left) + share, left);
    });
  }
}

void pool2x2_forward(int64_t windows, int64_t c, const float* above, const float* below,
                     int64_t src_stride, float* dst, uint8_t* codes, int64_t dst_stride) {
  for (int64_t w = 0; w < windows; ++w) {
    const float* const pixels[4] = {above + 2 * w * src_stride, above + (2 * w + 1) * src_stride,
                                    below + 2 * w * src_stride, below + (2 * w + 1) * src_stride};
    for (int64_t j = 0; j < c; j += kLanes) {
      const int64_t left = c - j;
      const LargestOf4 largest =
          largest_of({load_upto(pixels[0] + j, left), load_upto(pixels[1] + j, left),
                      load_upto(pixels[2] + j, left), load_upto(pixels[3] + j, left)});
      store_upto(dst + w * dst_stride + j, largest.value, left);
      if (codes != nullptr) store_bytes_upto(codes + w * dst_stride + j, largest.code, left);
    }
  }
}

void pool2x2_backward(int64_t first, int64_t pixels, int64_t c, int row, const float* diff_dst,
                      const uint8_t* codes, float* diff_src) {
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

constexpr Pool2x2Kernels pool2x2_kernels = {
    .forward = pool2x2_forward,
    .backward = pool2x2_backward,
};

constexpr PoolKernels pool_kernels = {
    .max_forward = max_pool_forward,
    .max_backward = max_pool_backward,
    .sum_forward = sum_pool_forward,
    .sum_backward = sum_pool_backward,
};

}  // namespace
}  // namespace cnnx
