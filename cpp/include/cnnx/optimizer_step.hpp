#pragma once

#include <cstdint>

namespace cnnx {

// One pass over n parameters and their gradients.

// velocity = momentum * velocity - learning_rate * grad; param += velocity, or, by Nesterov,
// param += momentum * velocity - learning_rate * grad. With a null velocity: plain descent.
void sgd_step(int64_t n, float learning_rate, float momentum, bool nesterov, const float* grads,
              float* velocity, float* params);

// velocity = momentum * velocity - grad_share * grad; param += learning_rate * velocity.
void momentum_step(int64_t n, float learning_rate, float momentum, float grad_share,
                   const float* grads, float* velocity, float* params);

// Descent by the root of a sum of squares of the gradients: Adagrad with kept = added = 1,
// RMSprop with kept = 1 - added.
// square = kept * square + added * grad^2; mean = kept * mean + added * grad;
// velocity = momentum * velocity + learning_rate * grad /
//            (sqrt(square - mean^2 + inner_epsilon) + outer_epsilon); param -= velocity
// A null mean counts as 0; a null velocity lasts for one step.
struct RmsRule {
  float learning_rate, kept, added, inner_epsilon, outer_epsilon, momentum;
};
void rms_step(int64_t n, const RmsRule& rule, const float* grads, float* squares, float* mean,
              float* velocity, float* params);

// Kingma & Ba (2015), Algorithm 1; step counts from 1.
// m = beta_1 m + (1 - beta_1) grad; v = beta_2 v + (1 - beta_2) grad^2;
// param -= learning_rate * (m / (1 - beta_1^step)) / (sqrt(v / (1 - beta_2^step)) + epsilon)
// With a peak: peak = max(peak, v) takes the place of v (Reddi et al. 2018, AMSGrad).
struct AdamRule {
  float learning_rate, beta_1, beta_2, epsilon;
};
void adam_step(int64_t n, const AdamRule& rule, int64_t step, const float* grads, float* m,
               float* v, float* peak, float* params);

// The same with Nesterov's look ahead (Dozat 2016); the shares are of m and of the gradient.
// param -= learning_rate * (m_share * m + grad_share * grad) /
//          (sqrt(v / (1 - beta_2^step)) + epsilon)
void nadam_step(int64_t n, const AdamRule& rule, float m_share, float grad_share, int64_t step,
                const float* grads, float* m, float* v, float* params);

// Kingma & Ba (2015), Algorithm 2: u = max(beta_2 u, |grad|);
// param -= learning_rate / (1 - beta_1^step) * m / (u + epsilon)
void adamax_step(int64_t n, const AdamRule& rule, int64_t step, const float* grads, float* m,
                 float* u, float* params);

// Zeiler (2012): square = rho square + (1 - rho) grad^2;
// d = sqrt(move + epsilon) / sqrt(square + epsilon) * grad;
// move = rho move + (1 - rho) d^2; param -= learning_rate * d
void adadelta_step(int64_t n, float learning_rate, float rho, float epsilon, const float* grads,
                   float* squares, float* moves, float* params);

// Chen et al. (2023): param -= learning_rate * sign(beta_1 m + (1 - beta_1) grad);
// m = beta_2 m + (1 - beta_2) grad
void lion_step(int64_t n, float learning_rate, float beta_1, float beta_2, const float* grads,
               float* m, float* params);

}  // namespace cnnx
