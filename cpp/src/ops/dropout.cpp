#include "cnnx/dropout.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

// kernel(n, counter, first): n elements from `first` on, to which the random numbers from `counter`
// on belong.
template <typename Kernel>
void for_each_counter(int64_t n, Kernel kernel) {
  const int64_t counters = (n + 3) / 4;  // 4 elements each
  constexpr int64_t kGrain = 4096;
  parallel_for(threads_for(counters, kGrain), counters, [=](int64_t begin, int64_t end, int) {
    kernel(std::min(4 * end, n) - 4 * begin, static_cast<uint64_t>(begin), 4 * begin);
  });
}

}  // namespace

void dropout(int64_t n, float rate, uint64_t seed, const float* src, float* dst) {
  // u / 2^32 >= rate, compared as integers.
  const auto threshold = static_cast<uint32_t>(static_cast<double>(rate) * 4294967296.0);
  const auto scale = static_cast<float>(1.0 / (1.0 - static_cast<double>(rate)));
  const auto kernel = kernels().dropout;
  for_each_counter(n, [=](int64_t count, uint64_t counter, int64_t first) {
    kernel(count, counter, seed, threshold, scale, src + first, dst + first);
  });
}

void gaussian_dropout(int64_t n, float rate, uint64_t seed, const float* src, float* dst) {
  const double share = rate;
  const auto deviation = static_cast<float>(std::sqrt(share / (1.0 - share)));
  const auto kernel = kernels().gaussian_dropout;
  for_each_counter(n, [=](int64_t count, uint64_t counter, int64_t first) {
    kernel(count, counter, seed, deviation, src + first, dst + first);
  });
}

}  // namespace cnnx
