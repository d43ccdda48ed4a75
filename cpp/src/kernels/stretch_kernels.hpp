// Weighted sums of bytes in whole numbers: 2^22 stands for 1.
#pragma once

#include "kernels/simd.hpp"
#include "kernels/stretch_table.hpp"

namespace cnnx {
namespace {

typedef int32_t Quad __attribute__((vector_size(16), aligned(4), may_alias));

CNNX_INLINE IntVec rounded_to_bytes(IntVec sums) {
  const IntVec whole = (sums + (1 << (kShareBits - 1))) >> kShareBits;
  return whole > 255 ? IntVec{} + 255 : whole;
}

// The sums of every fourth lane.
template <typename V>
CNNX_INLINE Quad folded(V v) {
  if constexpr (sizeof(V) == 64) {
    return folded(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                  __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
  } else if constexpr (sizeof(V) == 32) {
    return folded(__builtin_shufflevector(v, v, 0, 1, 2, 3) +
                  __builtin_shufflevector(v, v, 4, 5, 6, 7));
  } else {
    return (Quad)v;
  }
}

// The sums of every kBytes-th lane.
template <int64_t kBytes>
CNNX_INLINE void store_sums(IntVec v, int32_t* sums) {
  const Quad sum = folded(v);
  if constexpr (kBytes == 4) {
    *reinterpret_cast<Quad*>(sums) = sum;
  } else {
    *sums = sum[0] + sum[1] + sum[2] + sum[3];
  }
}

// kInside says that whole vectors may be read for every pixel.
template <int64_t kBytes, bool kInside>
CNNX_INLINE void stretch_row(const StretchWindows& windows, const uint8_t* src, int64_t src_bytes,
                             uint8_t* dst) {
  // Some vectors of sums at a time: one that has just been stored in parts is slow to load.
  constexpr int64_t kBlock = 16 * kLanes;
  int32_t sums[kBlock] = {};
  const int64_t vectors = windows.vectors, bytes = windows.count * kBytes;
  const int64_t* first = windows.first;
  const int32_t* shares = windows.shares;
  for (int64_t begin = 0; begin < bytes; begin += kBlock) {
    const int64_t end = bytes - begin < kBlock ? bytes - begin : kBlock;
    for (int64_t i = 0; i < end; i += kBytes, ++first) {
      int64_t place = *first * kBytes;
      IntVec sum{};
      for (int64_t v = 0; v < vectors; ++v, place += kLanes, shares += kLanes) {
        if constexpr (kInside) {
          sum += load_bytes(src + place) * load_upto(shares, kLanes);
        } else if (place < src_bytes) {
          sum += load_bytes_upto(src + place, src_bytes - place) * load_upto(shares, kLanes);
        }
      }
      store_sums<kBytes>(sum, sums + i);
    }
    for (int64_t i = 0; i < end; i += kLanes) {
      const IntVec whole = rounded_to_bytes(load_upto(sums + i, kLanes));
      store_bytes_upto(dst + begin + i, whole, end - i);
    }
  }
}

template <int64_t kBytes>
void stretch_across(const StretchWindows& windows, const uint8_t* src, int64_t src_bytes,
                    uint8_t* dst) {
  const int64_t last = windows.first[windows.count - 1] * kBytes;
  last + windows.vectors* kLanes <= src_bytes
      ? stretch_row<kBytes, true>(windows, src, src_bytes, dst)
      : stretch_row<kBytes, false>(windows, src, src_bytes, dst);
}

void stretch_down(int64_t n, int64_t taps, const uint8_t* const* rows, const int32_t* shares,
                  uint8_t* dst) {
  for (int64_t i = 0; i < n; i += kLanes) {
    IntVec sum{};
    for (int64_t t = 0; t < taps; ++t) sum += load_bytes_upto(rows[t] + i, n - i) * shares[t];
    store_bytes_upto(dst + i, rounded_to_bytes(sum), n - i);
  }
}

constexpr StretchKernels stretch_kernels = {
    .lanes = kLanes,
    .across_bytes = stretch_across<1>,
    .across_quads = stretch_across<4>,
    .down = stretch_down,
};

}  // namespace
}  // namespace cnnx
