// Transposition in registers. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// The numbers 0 to N - 1 as template arguments: shuffles want constants.
template <int... Lane>
struct Lanes {};
template <int N, int... Lane>
struct LanesUpTo : LanesUpTo<N - 1, N - 1, Lane...> {};
template <int... Lane>
struct LanesUpTo<0, Lane...> {
  using Type = Lanes<Lane...>;
};

// Swaps, in every 2 x 2 square of blocks of Distance lanes, the upper right with the lower left.
template <int Distance, int... Lane>
CNNX_INLINE void swap_blocks(Vec& upper, Vec& lower, Lanes<Lane...>) {
  const Vec left =
      __builtin_shufflevector(upper, lower, (Lane & Distance ? kLanes + Lane - Distance : Lane)...);
  const Vec right =
      __builtin_shufflevector(upper, lower, (Lane & Distance ? kLanes + Lane : Lane + Distance)...);
  upper = left;
  lower = right;
}

template <int Distance = kLanes / 2>
CNNX_INLINE void transpose(Vec (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if (!(i & Distance)) {
      swap_blocks<Distance>(rows[i], rows[i + Distance], typename LanesUpTo<kLanes>::Type{});
    }
  }
  if constexpr (Distance > 1) transpose<Distance / 2>(rows);
}

// See gemm_table.hpp.
void transpose(int64_t rows, int64_t cols, const float* src, int64_t src_stride, float* dst,
               int64_t dst_stride) {
  constexpr int64_t kAhead = kLanes;  // rows to prefetch: the hardware sees no stream in them
  for (int64_t i = 0; i < rows; i += kLanes) {
    const int64_t height = rows - i;
    for (int64_t j = 0; j < cols; j += kLanes) {
      const int64_t width = cols - j;
      const float* const from = src + i * src_stride + j;
      float* const to = dst + j * dst_stride + i;
      Vec block[kLanes];
      if (height >= kLanes && width >= kLanes) {
#pragma GCC unroll 16
        for (int r = 0; r < kLanes; ++r) {
          block[r] = load(from + r * src_stride);
          __builtin_prefetch(from + (r + kAhead) * src_stride);
        }
        transpose(block);
#pragma GCC unroll 16
        for (int r = 0; r < kLanes; ++r) store(to + r * dst_stride, block[r]);
      } else {
#pragma GCC unroll 16
        for (int r = 0; r < kLanes; ++r) {
          block[r] = r < height ? load_upto(from + r * src_stride, width) : Vec{};
        }
        transpose(block);
#pragma GCC unroll 16
        for (int r = 0; r < kLanes; ++r) {
          if (r < width) store_upto(to + r * dst_stride, block[r], height);
        }
      }
    }
  }
}

}  // namespace
}  // namespace cnnx
