#pragma once

#include <cstdint>

namespace cnnx {

// velocity = momentum velocity - grad_rate grad; param += rate velocity, or, by Nesterov,
// param += rate (momentum velocity - grad_rate grad)
struct MomentumRates {
  float momentum, grad_rate, rate;
  bool nesterov;
};

// square = kept square + added grad^2; mean = kept mean + added grad;
// velocity = momentum velocity +
//            learning_rate grad / (sqrt(square - mean^2 + inner_epsilon) + outer_epsilon);
// param -= velocity
struct RmsRates {
  float kept, added, learning_rate, inner_epsilon, outer_epsilon, momentum;
};

// m = beta_1 m + rest_1 grad; v = beta_2 v + rest_2 grad^2;
// param -= (m_rate m + grad_rate grad) / (unbias_2 sqrt(v) + epsilon)
struct AdamRates {
  float beta_1, rest_1, beta_2, rest_2, m_rate, grad_rate, unbias_2, epsilon;
};

// Over n parameters; the formulas are in optimizer_step.hpp.
struct OptimizerKernels {
  void (*descend)(int64_t n, float learning_rate, const float* grads, float* params);
  void (*descend_with_momentum)(int64_t n, const MomentumRates& rates, const float* grads,
                                float* velocity, float* params);
  // mean and velocity may be null: 0, and a velocity that lasts for one step.
  void (*descend_by_rms)(int64_t n, const RmsRates& rates, const float* grads, float* squares,
                         float* mean, float* velocity, float* params);
  // With the largest v so far for v, unless `peak` is null.
  void (*adam)(int64_t n, const AdamRates& rates, const float* grads, float* m, float* v,
               float* peak, float* params);
  // param -= m_rate m / (u + epsilon), with u = max(beta_2 u, |grad|).
  void (*adamax)(int64_t n, const AdamRates& rates, const float* grads, float* m, float* u,
                 float* params);
  void (*adadelta)(int64_t n, float learning_rate, float rho, float epsilon, const float* grads,
                   float* squares, float* moves, float* params);
  // param -= m_rate sign(beta_1 m + rest_1 grad); m = beta_2 m + rest_2 grad
  void (*lion)(int64_t n, const AdamRates& rates, const float* grads, float* m, float* params);
};

}  // namespace cnnx
