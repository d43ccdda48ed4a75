#include "peak.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>

namespace cnnx::bench {
namespace {

constexpr int kChains = 12;  // enough to hide the latency of two units, few enough for 16 registers

// kChains independent chains acc = acc * x + y; returns a value so that nothing is optimised away.
template <typename Vec>
[[gnu::always_inline]] inline float chains(const Vec& zero, int64_t rounds) {
  Vec acc[kChains]{};
  const Vec x = zero + 0.999f, y = zero + 0.001f;
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) acc[i] = zero + static_cast<float>(i);  // all different
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) acc[i] = acc[i] * x + y;
  }
  Vec sum{};
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) sum += acc[i];
  return sum[0];
}

using Vec4 [[gnu::vector_size(16)]] = float;
float chains_ref(int64_t rounds) { return chains(Vec4{}, rounds); }
#if defined(__x86_64__)
using Vec8 [[gnu::vector_size(32)]] = float;
using Vec16 [[gnu::vector_size(64)]] = float;
[[gnu::target("avx2,fma")]] float chains_avx2(int64_t rounds) { return chains(Vec8{}, rounds); }
[[gnu::target("avx512f")]] float chains_avx512(int64_t rounds) { return chains(Vec16{}, rounds); }
#endif

double best_rate(float (*run)(int64_t), int lanes) {
  constexpr int64_t kRounds = 2'000'000;
  double best = 0;
  for (int repetition = 0; repetition < 10; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    volatile float sink = run(kRounds);
    static_cast<void>(sink);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * kChains * lanes * kRounds / seconds.count());
  }
  return best;
}

}  // namespace

double peak_flops(const std::string& isa) {
#if defined(__x86_64__)
  if (isa == "avx512") return best_rate(chains_avx512, 16);
  if (isa == "avx2") return best_rate(chains_avx2, 8);
#endif
  if (isa == "ref") return best_rate(chains_ref, 4);
  throw std::invalid_argument("no peak for instruction set " + isa);
}

}  // namespace cnnx::bench
