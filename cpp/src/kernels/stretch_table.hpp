#pragma once

#include <cstdint>

namespace cnnx {

// The shares that bytes have in an average of them sum to 2^kShareBits.
constexpr int kShareBits = 22;

// The pixels of a row that each of `count` output pixels sees: from which on, and the share of each
// byte of them, in so many vectors.
struct StretchWindows {
  int64_t count, vectors;
  const int64_t* first;
  const int32_t* shares;
};

struct StretchKernels {
  int64_t lanes;
  // A row of outputs from a row of pixels of one byte, or of four; src_bytes may be read.
  void (*across_bytes)(const StretchWindows& windows, const uint8_t* src, int64_t src_bytes,
                       uint8_t* dst);
  void (*across_quads)(const StretchWindows& windows, const uint8_t* src, int64_t src_bytes,
                       uint8_t* dst);
  // dst (n) from the bytes above each other in several rows.
  void (*down)(int64_t n, int64_t taps, const uint8_t* const* rows, const int32_t* shares,
               uint8_t* dst);
};

}  // namespace cnnx
