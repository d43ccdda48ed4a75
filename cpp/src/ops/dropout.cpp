#include "cnnx/dropout.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {

void dropout(int64_t n, float rate, uint64_t seed, const float* src, float* dst) {
  // u / 2^32 >= rate, compared as integers.
  const auto threshold = static_cast<uint32_t>(static_cast<double>(rate) * 4294967296.0);
  const auto scale = static_cast<float>(1.0 / (1.0 - static_cast<double>(rate)));
  const auto kernel = kernels().dropout;
  const int64_t counters = (n + 3) / 4;  // 4 elements each
  constexpr int64_t kGrain = 4096;
  parallel_for(threads_for(counters, kGrain), counters, [=](int64_t begin, int64_t end, int) {
    const int64_t first = 4 * begin;
    kernel(std::min(4 * end, n) - first, static_cast<uint64_t>(begin), seed, threshold, scale,
           src + first, dst + first);
  });
}

}  // namespace cnnx
