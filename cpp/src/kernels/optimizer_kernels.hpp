#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/optimizer_table.hpp"
#include "kernels/simd_math.hpp"

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
                    float* mean, float* velocity, float* params) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec grad = load_upto(grads + i, left);
    const Vec square = load_upto(squares + i, left) * rates.kept + grad * grad * rates.added;
    store_upto(squares + i, square, left);
    Vec variance = square;
    if (mean != nullptr) {
      const Vec average = load_upto(mean + i, left) * rates.kept + grad * rates.added;
      store_upto(mean + i, average, left);
      variance -= average * average;
      variance = variance > 0.0f ? variance : Vec{};
    }
    const Vec root = sqrt(variance + rates.inner_epsilon) + rates.outer_epsilon;
    Vec move = grad * rates.learning_rate / root;
    if (velocity != nullptr) {
      move += load_upto(velocity + i, left) * rates.momentum;
      store_upto(velocity + i, move, left);
    }
    store_upto(params + i, load_upto(params + i, left) - move, left);
  }
}

void adam(int64_t n, const AdamRates& rates, const float* grads, float* m, float* v, float* peak,
          float* params) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec grad = load_upto(grads + i, left);
    const Vec first = load_upto(m + i, left) * rates.beta_1 + grad * rates.rest_1;
    const Vec second = load_upto(v + i, left) * rates.beta_2 + grad * grad * rates.rest_2;
    store_upto(m + i, first, left);
    store_upto(v + i, second, left);
    Vec seen = second;
    if (peak != nullptr) {
      const Vec before = load_upto(peak + i, left);
      seen = before > second ? before : second;
      store_upto(peak + i, seen, left);
    }
    const Vec step = (first * rates.m_rate + grad * rates.grad_rate) /
                     (sqrt(seen) * rates.unbias_2 + rates.epsilon);
    store_upto(params + i, load_upto(params + i, left) - step, left);
  }
}

void adamax(int64_t n, const AdamRates& rates, const float* grads, float* m, float* u,
            float* params) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec grad = load_upto(grads + i, left);
    const Vec first = load_upto(m + i, left) * rates.beta_1 + grad * rates.rest_1;
    const Vec kept = load_upto(u + i, left) * rates.beta_2;
    const Vec size = abs(grad);
    const Vec largest = kept > size ? kept : size;
    store_upto(m + i, first, left);
    store_upto(u + i, largest, left);
    const Vec step = first * rates.m_rate / (largest + rates.epsilon);
    store_upto(params + i, load_upto(params + i, left) - step, left);
  }
}

void adadelta(int64_t n, float learning_rate, float rho, float epsilon, const float* grads,
              float* squares, float* moves, float* params) {
  const float rest = 1.0f - rho;
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec grad = load_upto(grads + i, left);
    const Vec square = load_upto(squares + i, left) * rho + grad * grad * rest;
    const Vec moved = load_upto(moves + i, left);
    const Vec move = grad * sqrt(moved + epsilon) / sqrt(square + epsilon);
    store_upto(squares + i, square, left);
    store_upto(moves + i, moved * rho + move * move * rest, left);
    store_upto(params + i, load_upto(params + i, left) - move * learning_rate, left);
  }
}

void lion(int64_t n, const AdamRates& rates, const float* grads, float* m, float* params) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vec grad = load_upto(grads + i, left), before = load_upto(m + i, left);
    const Vec ahead = before * rates.beta_1 + grad * rates.rest_1;
    store_upto(m + i, before * rates.beta_2 + grad * rates.rest_2, left);
    const Vec step = signed_as(ahead, rates.m_rate);
    store_upto(params + i, load_upto(params + i, left) - step, left);
  }
}

constexpr OptimizerKernels optimizer_kernels = {
    .descend = descend,
    .descend_with_momentum = descend_with_momentum,
    .descend_by_rms = descend_by_rms,
    .adam = adam,
    .adamax = adamax,
    .adadelta = adadelta,
    .lion = lion,
};

}  // namespace
}  // namespace cnnx
