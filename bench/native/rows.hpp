#pragma once

#include <benchmark/benchmark.h>

#include <string>

#include "cnnx/runtime.hpp"
#include "peak.hpp"

namespace cnnx::bench {

// What one call does: useful floating-point operations (a multiply-add is two), and the bytes that
// it must read and write at least, each array once. 0: not stated.
struct Work {
  double flops = 0, bytes = 0;
};

// States the rates and which fractions they are of the peaks, measured now on one thread and
// counted for each thread in use.
inline void state_rates(benchmark::State& state, const std::string& isa, Work work) {
  const auto state_rate = [&](const std::string& rate, const std::string& fraction, double amount,
                              double peak) {
    const double total = amount * static_cast<double>(state.iterations());
    state.counters[rate] = benchmark::Counter(total * 1e-9, benchmark::Counter::kIsRate);
    state.counters[fraction] =
        benchmark::Counter(total / (peak * num_threads()), benchmark::Counter::kIsRate);
  };
  if (work.flops > 0) state_rate("GFLOP/s", "of_peak", work.flops, peak_flops(isa));
  if (work.bytes > 0) state_rate("GB/s", "of_copy", work.bytes, copy_rate(work.bytes));
}

// Adds the row "name/isa" for every instruction set of this machine. prepare() allocates, and
// returns the call that is timed: by the CPU's clock on one thread, by the wall's on more.
template <typename Prepare>
void add_rows(const std::string& name, Work work, Prepare prepare) {
  for (const std::string& isa : available_isas()) {
    auto* const row = benchmark::RegisterBenchmark((name + "/" + isa).c_str(),
                                                   [isa, work, prepare](benchmark::State& state) {
                                                     set_isa(isa);
                                                     auto call = prepare();
                                                     for (auto _ : state) {
                                                       call();
                                                       benchmark::ClobberMemory();
                                                     }
                                                     state_rates(state, isa, work);
                                                   });
    if (num_threads() > 1) row->UseRealTime();
  }
}

}  // namespace cnnx::bench
