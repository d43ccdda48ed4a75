#pragma once

#include "kernels/dropout_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

// Philox4x32-10 of consecutive counters, one a 64-bit lane: the 4 words of each in order, in pairs.
// Between the rounds the upper halves of the lanes hold waste, which multiply_low_halves ignores.
CNNX_INLINE void random_words(uint64_t counter, uint64_t seed, uint64_t* words) {
  constexpr int64_t kCounters = kLanes / 2;
  WideVec numbers;
#pragma GCC unroll 8
  for (int64_t i = 0; i < kCounters; ++i) numbers[i] = static_cast<uint64_t>(i);
  const WideVec counters = numbers + counter;
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

// dst[i] = function(src[i], random word of element i)
template <typename Function>
CNNX_INLINE void map_randomly(int64_t n, uint64_t counter, uint64_t seed, const float* src,
                              float* dst, Function function) {
  alignas(sizeof(Vec)) uint64_t words[kLanes];
  for (int64_t i = 0; i < n; i += 2 * kLanes, counter += kLanes / 2) {
    random_words(counter, seed, words);
    for (int64_t j = 0; j < 2 * kLanes && i + j < n; j += kLanes) {
      const int64_t left = n - i - j;
      WideVec random;
      __builtin_memcpy(&random, words + j / 2, sizeof(random));
      store_upto(dst + i + j, function(load_upto(src + i + j, left), random), left);
    }
  }
}

void dropout(int64_t n, uint64_t counter, uint64_t seed, uint32_t threshold, float scale,
             const float* src, float* dst) {
  map_randomly(n, counter, seed, src, dst, [=](Vec x, WideVec random) {
    return (BitVec)random >= threshold ? x * scale : Vec{};
  });
}

// The upper 24 bits of each 32-bit word, which a float holds exactly, over 2^24: in [0, 1).
CNNX_INLINE Vec uniform(WideVec words) {
  return __builtin_convertvector((IntVec)((BitVec)words >> 8), Vec) * 0x1p-24f;
}

// Box-Muller: the even words u and odd words w of the pairs of lanes make
// sqrt(-2 ln(1 - u)) cos(2 pi w) in the even lanes and sin in the odd ones.
CNNX_INLINE Vec normal_numbers(WideVec random) {
  const WideVec low = random & 0xffffffffu, high = random >> 32;
  const Vec radius = sqrt(log(1.0f - uniform(low | (low << 32))) * -2.0f);
  const Vec odd = (lane_numbers() & 1) == 1 ? broadcast(0.25f) : Vec{};
  // In turns: sin(t) = cos(t - 1/4), and cos(t) = sin(1/4 - |t|) for t in [-1/2, 1/2].
  const Vec turn = uniform(high | (high << 32)) - odd;
  const Vec centred = turn > 0.5f ? turn - 1.0f : turn;
  return radius * sin((0.25f - abs(centred)) * 6.28318531f);
}

void gaussian_dropout(int64_t n, uint64_t counter, uint64_t seed, float deviation, const float* src,
                      float* dst) {
  map_randomly(n, counter, seed, src, dst, [=](Vec x, WideVec random) {
    return x * (normal_numbers(random) * deviation + 1.0f);
  });
}

}  // namespace
}  // namespace cnnx
