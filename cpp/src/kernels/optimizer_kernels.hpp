#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/kernel_table.hpp"

namespace cnnx {
namespace {

void descend(int64_t n, float learning_rate, const float* grads, float* params) {
  map(n, params, grads, params, [=](Vec param, Vec grad) { return param - grad * learning_rate; });
}

void descend_with_momentum(int64_t n, const MomentumRates& rates, const float* grads,
                           float* velocity, float* params) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec step = load_upto(grads + i, left) * rates.grad_rate;
    const Vec v = load_upto(velocity + i, left) * rates.momentum - step;
    const Vec move = rates.nesterov ? v * rates.momentum - step : v;
    store_upto(velocity + i, v, left);
    store_upto(params + i, load_upto(params + i, left) + move * rates.rate, left);
  }
}

void descend_by_rms(int64_t n, const RmsRates& rates, const float* grads, float* squares,
                    float* params) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec grad = load_upto(grads + i, left);
    const Vec square = load_upto(squares + i, left) * rates.kept + grad * grad * rates.added;
    const Vec root = sqrt(square + rates.inner_epsilon) + rates.outer_epsilon;
    store_upto(squares + i, square, left);
    store_upto(params + i, load_upto(params + i, left) - grad * rates.learning_rate / root, left);
  }
}

void adam(int64_t n, const AdamRates& rates, const float* grads, float* m, float* v,
          float* params) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec grad = load_upto(grads + i, left);
    const Vec first = load_upto(m + i, left) * rates.beta_1 + grad * rates.rest_1;
    const Vec second = load_upto(v + i, left) * rates.beta_2 + grad * grad * rates.rest_2;
    const Vec step = (first * rates.m_rate + grad * rates.grad_rate) /
                     (sqrt(second) * rates.unbias_2 + rates.epsilon);
    store_upto(m + i, first, left);
    store_upto(v + i, second, left);
    store_upto(params + i, load_upto(params + i, left) * rates.kept - step, left);
  }
}

constexpr OptimizerKernels optimizer_kernels = {
    .descend = descend,
    .descend_with_momentum = descend_with_momentum,
    .descend_by_rms = descend_by_rms,
    .adam = adam,
};

}  // namespace
}  // namespace cnnx
