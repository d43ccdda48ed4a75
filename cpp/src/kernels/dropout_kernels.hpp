#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// Philox4x32-10 of consecutive counters, one a 64-bit lane: the 4 words of each in order, in pairs.
// Between the rounds the upper halves of the lanes hold waste, which multiply_low_halves ignores.
CNNX_INLINE void random_words(uint64_t counter, uint64_t seed, uint64_t* words) {
  constexpr int64_t kCounters = kLanes / 2;
  WideVec counters;
#pragma GCC unroll 8
  for (int64_t i = 0; i < kCounters; ++i) counters[i] = counter + static_cast<uint64_t>(i);
  WideVec x0 = counters, x1 = counters >> 32, x2{}, x3{};
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const WideVec a = multiply_low_halves(x0, WideVec{} + 0xD2511F53u);
    const WideVec b = multiply_low_halves(x2, WideVec{} + 0xCD9E8D57u);
    x0 = (b >> 32) ^ x1 ^ key0;
    x1 = b;
    x2 = (a >> 32) ^ x3 ^ key1;
    x3 = a;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  const WideVec first = (x0 & 0xffffffffu) | (x1 << 32), second = (x2 & 0xffffffffu) | (x3 << 32);
#pragma GCC unroll 8
  for (int64_t i = 0; i < kCounters; ++i) {
    words[2 * i] = first[i];
    words[2 * i + 1] = second[i];
  }
}

void dropout(int64_t n, uint64_t counter, uint64_t seed, uint32_t threshold, float scale,
             const float* src, float* dst) {
  alignas(sizeof(Vec)) uint64_t words[kLanes];
  for (int64_t i = 0; i < n; i += 2 * kLanes, counter += kLanes / 2) {
    random_words(counter, seed, words);
    for (int64_t j = 0; j < 2 * kLanes && i + j < n; j += kLanes) {
      const int64_t left = n - i - j;
      BitVec random;
      __builtin_memcpy(&random, words + j / 2, sizeof(random));
      const Vec kept = load_upto(src + i + j, left) * scale;
      store_upto(dst + i + j, random >= threshold ? kept : Vec{}, left);
    }
  }
}

}  // namespace
}  // namespace cnnx
