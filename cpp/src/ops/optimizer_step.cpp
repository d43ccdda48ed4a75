#include "cnnx/optimizer_step.hpp"

#include <cmath>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

// Parameters worth a thread: their gradients are in the caches of the threads that computed them.
constexpr int64_t kGrain = 16384;

// The step along m and the gradient, of which m_rate and grad_rate times are taken.
void adam(int64_t n, float m_rate, float grad_rate, float beta_1, float beta_2, float epsilon,
          float kept, int64_t step, const float* grads, float* m, float* v, float* params) {
  const double t = static_cast<double>(step), b1 = beta_1, b2 = beta_2;
  const AdamRates rates = {
      .beta_1 = beta_1,
      .rest_1 = static_cast<float>(1.0 - b1),
      .beta_2 = beta_2,
      .rest_2 = static_cast<float>(1.0 - b2),
      .m_rate = m_rate,
      .grad_rate = grad_rate,
      .unbias_2 = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(b2, t))),
      .epsilon = epsilon,
      .kept = kept,
  };
  const auto kernel = kernels().optimizer.adam;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, m + begin, v + begin, params + begin);
  });
}

}  // namespace

void sgd_step(int64_t n, float learning_rate, float momentum, bool nesterov, const float* grads,
              float* velocity, float* params) {
  const OptimizerKernels& kernel = kernels().optimizer;
  const MomentumRates rates = {
      .momentum = momentum, .grad_rate = learning_rate, .rate = 1.0f, .nesterov = nesterov};
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    const int64_t count = end - begin;
    if (velocity == nullptr) {
      kernel.descend(count, learning_rate, grads + begin, params + begin);
    } else {
      kernel.descend_with_momentum(count, rates, grads + begin, velocity + begin, params + begin);
    }
  });
}

void momentum_step(int64_t n, float learning_rate, float momentum, float grad_share,
                   const float* grads, float* velocity, float* params) {
  const MomentumRates rates = {
      .momentum = momentum, .grad_rate = grad_share, .rate = learning_rate, .nesterov = false};
  const auto kernel = kernels().optimizer.descend_with_momentum;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, velocity + begin, params + begin);
  });
}

void rms_step(int64_t n, float learning_rate, float kept, float added, float inner_epsilon,
              float outer_epsilon, const float* grads, float* squares, float* params) {
  const RmsRates rates = {.kept = kept,
                          .added = added,
                          .learning_rate = learning_rate,
                          .inner_epsilon = inner_epsilon,
                          .outer_epsilon = outer_epsilon};
  const auto kernel = kernels().optimizer.descend_by_rms;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, squares + begin, params + begin);
  });
}

void adam_step(int64_t n, float learning_rate, float beta_1, float beta_2, float epsilon,
               float weight_decay, int64_t step, const float* grads, float* m, float* v,
               float* params) {
  const double t = static_cast<double>(step), b1 = beta_1;
  const auto m_rate = static_cast<float>(learning_rate / (1.0 - std::pow(b1, t)));
  const float kept = 1.0f - learning_rate * weight_decay;
  adam(n, m_rate, 0.0f, beta_1, beta_2, epsilon, kept, step, grads, m, v, params);
}

void nadam_step(int64_t n, float learning_rate, float beta_1, float beta_2, float epsilon,
                float m_share, float grad_share, int64_t step, const float* grads, float* m,
                float* v, float* params) {
  adam(n, learning_rate * m_share, learning_rate * grad_share, beta_1, beta_2, epsilon, 1.0f, step,
       grads, m, v, params);
}

}  // namespace cnnx
