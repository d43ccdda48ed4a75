// What micro-kernels share: a vector of a row that may end before it, and how they leave. Included
// by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// The next `width` numbers of a row, which may be none; at least a vector of a Whole one.
template <bool Whole>
CNNX_INLINE Vec load_row(const float* p, int64_t width) {
  if (Whole) return load(p);
  return width > 0 ? load_upto(p, width) : Vec{};
}

// Fetches what store_tile will store to, or the addend, into the cache.
template <int Rows, int Vectors, bool Stores = true>
CNNX_INLINE void prefetch_tile(const float* c, int64_t ldc) {
#pragma GCC unroll 32
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) __builtin_prefetch(c + i * ldc + v * kLanes, Stores);
  }
}

CNNX_INLINE Vec clip(Vec x, Vec least, Vec most) {
  x = least > x ? least : x;
  return most < x ? most : x;
}

struct Unchanged {
  CNNX_INLINE Vec operator()(Vec x) const { return x; }
};

// c (Rows, cols; row stride ldc) = acc, plus bias (cols) and what lies at addend as c does, unless
// they are null, finished vector by vector. addend may be c. Whole: cols are all that the
// accumulators hold.
template <bool Whole, int Rows, int Vectors, typename Finish = Unchanged>
CNNX_INLINE void store_tile(const Vec (&acc)[Rows][Vectors], const float* bias, float* c,
                            int64_t ldc, int64_t cols, const float* addend,
                            const Finish& finish = {}) {
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    const int64_t width = cols - v * kLanes;
    if (!Whole && width <= 0) return;
    const Vec start = bias ? load_row<Whole>(bias + v * kLanes, width) : Vec{};
    if (Whole || width >= kLanes) {
#pragma GCC unroll 32
      for (int i = 0; i < Rows; ++i) {
        float* const out = c + i * ldc + v * kLanes;
        const Vec sum = acc[i][v] + start;
        const float* const added = addend + i * ldc + v * kLanes;
        store(out, finish(addend != nullptr ? load(added) + sum : sum));
      }
    } else {
#pragma GCC unroll 32
      for (int i = 0; i < Rows; ++i) {
        float* const out = c + i * ldc + v * kLanes;
        const Vec sum = acc[i][v] + start;
        const float* const added = addend + i * ldc + v * kLanes;
        store_part(out, finish(addend != nullptr ? load_part(added, width) + sum : sum), width);
      }
    }
  }
}

}  // namespace
}  // namespace cnnx
