#include "cnnx/optimizer_step.hpp"

#include <cmath>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {

void sgd_step(int64_t n, float learning_rate, float momentum, bool nesterov, const float* grads,
              float* velocity, float* params) {
  const OptimizerKernels& kernel = kernels().optimizer;
  parallel_for(threads_for(n, kElementwiseGrain), n, [&](int64_t begin, int64_t end, int) {
    const int64_t count = end - begin;
    if (velocity == nullptr) {
      kernel.descend(count, learning_rate, grads + begin, params + begin);
    } else {
      kernel.descend_with_momentum(count, learning_rate, momentum, nesterov, grads + begin,
                                   velocity + begin, params + begin);
    }
  });
}

void adam_step(int64_t n, float learning_rate, float beta_1, float beta_2, float epsilon,
               int64_t step, const float* grads, float* m, float* v, float* params) {
  const double t = static_cast<double>(step), b1 = beta_1, b2 = beta_2;
  const AdamRates rates = {
      .beta_1 = beta_1,
      .rest_1 = static_cast<float>(1.0 - b1),
      .beta_2 = beta_2,
      .rest_2 = static_cast<float>(1.0 - b2),
      .learning_rate = static_cast<float>(learning_rate / (1.0 - std::pow(b1, t))),
      .unbias_2 = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(b2, t))),
      .epsilon = epsilon,
  };
  const auto kernel = kernels().optimizer.adam;
  parallel_for(threads_for(n, kElementwiseGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, m + begin, v + begin, params + begin);
  });
}

}  // namespace cnnx
