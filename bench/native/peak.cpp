#include "peak.hpp"

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace cnnx::bench {
namespace {

constexpr int kChains = 12;  // enough to hide the latency of two units, few enough for 16 registers

// Read at run time: a chain whose numbers the compiler knows may be computed by the compiler.
volatile float factor = 0.999f, term = 0.001f;

// kChains independent chains acc = acc * x + y; returns a value so that nothing is optimised away.
template <typename Vec>
[[gnu::always_inline]] inline float chains(const Vec& zero, int64_t rounds) {
  Vec acc[kChains]{};
  const Vec x = zero + factor, y = zero + term;
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

double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// By this thread's CPU clock: other processes may share the machine.
template <typename Run>
double rate(double amount, Run run) {
  const double start = thread_seconds();
  run();
  return amount / (thread_seconds() - start);
}

double flops(float (*run)(int64_t), int lanes) {
  constexpr int64_t kRounds = 500'000;
  return rate(2.0 * kChains * lanes * kRounds, [&] { benchmark::DoNotOptimize(run(kRounds)); });
}

}  // namespace

double peak_flops(const std::string& isa) {
#if defined(__x86_64__)
  if (isa == "avx512") return flops(chains_avx512, 16);
  if (isa == "avx2") return flops(chains_avx2, 8);
#endif
  if (isa == "ref") return flops(chains_ref, 4);
  throw std::invalid_argument("no peak for instruction set " + isa);
}

double copy_rate(double bytes) {
  const auto half = static_cast<size_t>(bytes / 2);
  const std::vector<char> from(half, 1);
  std::vector<char> to(half);
  const auto copies = static_cast<int64_t>(std::max(1.0, 4e7 / bytes));
  double best = 0;
  for (int repetition = 0; repetition < 10; ++repetition) {
    best = std::max(best, rate(bytes * static_cast<double>(copies), [&] {
                      for (int64_t i = 0; i < copies; ++i) {
                        std::memcpy(to.data(), from.data(), half);
                        benchmark::ClobberMemory();
                      }
                    }));
  }
  return best;
}

}  // namespace cnnx::bench
