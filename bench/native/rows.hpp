#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "cnnx/runtime.hpp"
#include "peak.hpp"

namespace cnnx::bench {

// What one call does: useful floating-point operations (a multiply-add is two), and the bytes that
// it must read and write at least, each array once. 0: not stated.
struct Work {
  double flops = 0, bytes = 0;
};

// How many calls take a few milliseconds.
template <typename Call>
int64_t batch_of(Call& call) {
  constexpr double kBatchSeconds = 2e-3;
  const auto start = std::chrono::steady_clock::now();
  call();
  const std::chrono::duration<double> once = std::chrono::steady_clock::now() - start;
  return static_cast<int64_t>(std::max(kBatchSeconds / once.count(), 1.0));
}

// Times the calls by batches and measures the peak between them: the clock falls under the load of
// wide vectors, and with it both. Returns the median.
template <typename Call>
double time_calls(benchmark::State& state, const std::string& isa, int64_t batch, Call& call) {
  std::vector<double> peaks;
  while (state.KeepRunningBatch(batch)) {
    for (int64_t i = 0; i < batch; ++i) {
      call();
      benchmark::ClobberMemory();
    }
    state.PauseTiming();
    peaks.push_back(peak_flops(isa));
    state.ResumeTiming();
  }
  std::nth_element(peaks.begin(), peaks.begin() + peaks.size() / 2, peaks.end());
  return peaks[peaks.size() / 2];
}

// States the rates and which fractions they are of the peaks of one thread, counted for each in
// use.
inline void state_rates(benchmark::State& state, Work work, double peak) {
  const auto state_rate = [&](const std::string& rate, const std::string& fraction, double amount,
                              double most) {
    const double total = amount * static_cast<double>(state.iterations());
    state.counters[rate] = benchmark::Counter(total * 1e-9, benchmark::Counter::kIsRate);
    state.counters[fraction] =
        benchmark::Counter(total / (most * num_threads()), benchmark::Counter::kIsRate);
  };
  if (work.flops > 0) state_rate("GFLOP/s", "of_peak", work.flops, peak);
  if (work.bytes > 0) state_rate("GB/s", "of_copy", work.bytes, copy_rate(work.bytes));
}

// Adds the row "name/isa" for every instruction set of this machine. prepare() allocates, and
// returns the call that is timed: by the CPU's clock on one thread, by the wall's on more.
template <typename Prepare>
void add_rows(const std::string& name, Work work, Prepare prepare) {
  for (const std::string& isa : available_isas()) {
    // One batch for all repetitions: the library wants as many calls of each.
    const auto run = [isa, work, prepare, batch = int64_t{0}](benchmark::State& state) mutable {
      set_isa(isa);
      auto call = prepare();
      if (batch == 0) batch = batch_of(call);
      const double peak = time_calls(state, isa, batch, call);
      state_rates(state, work, peak);
    };
    auto* const row = benchmark::RegisterBenchmark((name + "/" + isa).c_str(), run);
    if (num_threads() > 1) row->UseRealTime();
  }
}

}  // namespace cnnx::bench
