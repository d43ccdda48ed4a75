// GEMM on one thread, as a fraction of the peak measured in the same run.
#include <benchmark/benchmark.h>

#include <vector>

#include "cnnx/gemm.hpp"
#include "cnnx/runtime.hpp"
#include "peak.hpp"

namespace cnnx::bench {
namespace {

void gemm(benchmark::State& state, const std::string& isa) {
  set_isa(isa);
  set_num_threads(1);
  const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const std::vector<float> a(m * k, 0.5f), b(k * n, 0.25f);
  std::vector<float> c(m * n);
  const double peak = peak_flops(isa);
  for (auto _ : state) {
    sgemm(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, nullptr, c.data(), n, false);
    benchmark::ClobberMemory();
  }
  const double flops = 2.0 * static_cast<double>(m * n * k);
  state.counters["GFLOP/s"] =
      benchmark::Counter(flops * state.iterations() * 1e-9, benchmark::Counter::kIsRate);
  state.counters["peak_GFLOP/s"] = peak * 1e-9;
  state.counters["of_peak"] =
      benchmark::Counter(flops * state.iterations() / peak, benchmark::Counter::kIsRate);
}

const bool registered = [] {
  for (const std::string& isa : available_isas()) {
    benchmark::RegisterBenchmark(("gemm/" + isa).c_str(),
                                 [isa](benchmark::State& state) { gemm(state, isa); })
        ->ArgNames({"m", "n", "k"})
        ->Args({512, 512, 512})
        ->Args({4096, 8, 200})
        ->Args({4096, 64, 288})
        ->Args({32, 128, 800})
        ->Args({2304, 256, 512});
  }
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
