#include "cnnx/optimizer_step.hpp"

#include <cmath>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

// Parameters worth a thread: their gradients are in the caches of the threads that computed them.
constexpr int64_t kGrain = 16384;

AdamRates rates_of(const AdamRule& rule, int64_t step) {
  const double b1 = rule.beta_1, b2 = rule.beta_2, t = static_cast<double>(step);
  return {
      .beta_1 = rule.beta_1,
      .rest_1 = static_cast<float>(1.0 - b1),
      .beta_2 = rule.beta_2,
      .rest_2 = static_cast<float>(1.0 - b2),
      .m_rate = static_cast<float>(rule.learning_rate / (1.0 - std::pow(b1, t))),
      .grad_rate = 0.0f,
      .unbias_2 = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(b2, t))),
      .epsilon = rule.epsilon,
  };
}

void adam(int64_t n, const AdamRates& rates, const float* grads, float* m, float* v, float* peak,
          float* params) {
  const auto kernel = kernels().optimizer.adam;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, m + begin, v + begin,
           peak == nullptr ? nullptr : peak + begin, params + begin);
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

void rms_step(int64_t n, const RmsRule& rule, const float* grads, float* squares, float* mean,
              float* velocity, float* params) {
  const RmsRates rates = {.kept = rule.kept,
                          .added = rule.added,
                          .learning_rate = rule.learning_rate,
                          .inner_epsilon = rule.inner_epsilon,
                          .outer_epsilon = rule.outer_epsilon,
                          .momentum = rule.momentum};
  const auto kernel = kernels().optimizer.descend_by_rms;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, squares + begin,
           mean == nullptr ? nullptr : mean + begin,
           velocity == nullptr ? nullptr : velocity + begin, params + begin);
  });
}

void adam_step(int64_t n, const AdamRule& rule, int64_t step, const float* grads, float* m,
               float* v, float* peak, float* params) {
  adam(n, rates_of(rule, step), grads, m, v, peak, params);
}

void nadam_step(int64_t n, const AdamRule& rule, float m_share, float grad_share, int64_t step,
                const float* grads, float* m, float* v, float* params) {
  AdamRates rates = rates_of(rule, step);
  rates.m_rate = rule.learning_rate * m_share;
  rates.grad_rate = rule.learning_rate * grad_share;
  adam(n, rates, grads, m, v, nullptr, params);
}

void adamax_step(int64_t n, const AdamRule& rule, int64_t step, const float* grads, float* m,
                 float* u, float* params) {
  const AdamRates rates = rates_of(rule, step);
  const auto kernel = kernels().optimizer.adamax;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, m + begin, u + begin, params + begin);
  });
}

void adadelta_step(int64_t n, float learning_rate, float rho, float epsilon, const float* grads,
                   float* squares, float* moves, float* params) {
  const auto kernel = kernels().optimizer.adadelta;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, learning_rate, rho, epsilon, grads + begin, squares + begin, moves + begin,
           params + begin);
  });
}

void lion_step(int64_t n, float learning_rate, float beta_1, float beta_2, const float* grads,
               float* m, float* params) {
  const AdamRates rates = {.beta_1 = beta_1,
                           .rest_1 = 1.0f - beta_1,
                           .beta_2 = beta_2,
                           .rest_2 = 1.0f - beta_2,
                           .m_rate = learning_rate,
                           .grad_rate = 0.0f,
                           .unbias_2 = 1.0f,
                           .epsilon = 0.0f};
  const auto kernel = kernels().optimizer.lion;
  parallel_for(threads_for(n, kGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, rates, grads + begin, m + begin, params + begin);
  });
}

}  // namespace cnnx
