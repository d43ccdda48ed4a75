// Sums of any number of terms.
#pragma once

#include <cstdint>

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

constexpr int64_t kSumBlock = 64;

// Sums blocks of terms, then 64 blocks, then 64 of those, and so on: a term is rounded with each of
// the few sums that it is in, not once for each term after it.
struct LongSum {
  Vec block{};  // add up to kSumBlock terms here, then end_block()

  CNNX_INLINE void end_block() {
    Vec carry = block;
    block = Vec{};
    int64_t n = ++blocks;
    for (int level = 0;; ++level) {
      sums[level] += carry;
      if (level == kLevels - 1 || n % kSumBlock != 0) return;
      carry = sums[level];
      sums[level] = Vec{};
      n /= kSumBlock;
    }
  }

  CNNX_INLINE Vec total() const {
    Vec sum = block;
    for (const Vec& larger : sums) sum += larger;
    return sum;
  }

  static constexpr int kLevels = 3;
  Vec sums[kLevels]{};
  int64_t blocks = 0;
};

// The sum of n terms; term(i, left) is the vector at i, 0 past the end.
template <typename Term>
CNNX_INLINE float long_sum(int64_t n, Term term) {
  LongSum sum;
  for (int64_t i = 0; i < n;) {
    for (const int64_t end = i + kSumBlock * kLanes; i < n && i < end; i += kLanes) {
      sum.block += term(i, n - i);
    }
    if (n > kSumBlock * kLanes) sum.end_block();  // short rows need no second sum
  }
  return horizontal_sum(sum.total());
}

}  // namespace
}  // namespace cnnx
