#include "cnnx/merging.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/activation.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

constexpr int64_t kBlock = 2048;  // floats that stay in L1 until they are activated

int64_t count_of(Arrays arrays) { return static_cast<int64_t>(arrays.size()); }

int threads_of(int64_t n, Arrays srcs) { return threads_for_rows(n, count_of(srcs)); }

}  // namespace

void weighted_sum(int64_t n, Arrays srcs, std::span<const float> factors,
                  const Activation& activation, float* dst) {
  const auto sum = kernels().merging.weighted_sum;
  const ActivationCall call(activation);
  parallel_for(threads_of(n, srcs), n, [&](int64_t begin, int64_t end, int) {
    const int64_t block = activation == Activation::linear ? end - begin : kBlock;
    for (int64_t first = begin; first < end; first += block) {
      const int64_t count = std::min(block, end - first);
      sum(count, count_of(srcs), srcs.data(), first, factors.data(), dst);
      if (activation != Activation::linear) call.forward(count, dst + first, dst + first);
    }
  });
}

void product(int64_t n, Arrays srcs, float* dst) {
  const auto kernel = kernels().merging.product;
  parallel_for(threads_of(n, srcs), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, count_of(srcs), srcs.data(), begin, dst);
  });
}

void maximum_forward(int64_t n, Arrays srcs, float* dst) {
  const auto kernel = kernels().merging.maximum;
  parallel_for(threads_of(n, srcs), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, count_of(srcs), srcs.data(), begin, dst);
  });
}

void maximum_backward(int64_t n, Arrays srcs, const float* diff_dst,
                      std::span<float* const> diff_srcs) {
  const auto kernel = kernels().merging.maximum_backward;
  parallel_for(threads_of(n, srcs), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, count_of(srcs), srcs.data(), begin, diff_dst, diff_srcs.data());
  });
}

}  // namespace cnnx
