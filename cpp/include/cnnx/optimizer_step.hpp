#pragma once

#include <cstdint>

namespace cnnx {

// One pass over n parameters and their gradients.

// velocity = momentum * velocity - learning_rate * grad; param += velocity, or, by Nesterov,
// param += momentum * velocity - learning_rate * grad. With a null velocity: plain descent.
void sgd_step(int64_t n, float learning_rate, float momentum, bool nesterov, const float* grads,
              float* velocity, float* params);

// Kingma & Ba (2015), Algorithm 1; step counts from 1.
// m = beta_1 m + (1 - beta_1) grad; v = beta_2 v + (1 - beta_2) grad^2;
// param -= learning_rate * (m / (1 - beta_1^step)) / (sqrt(v / (1 - beta_2^step)) + epsilon)
void adam_step(int64_t n, float learning_rate, float beta_1, float beta_2, float epsilon,
               int64_t step, const float* grads, float* m, float* v, float* params);

}  // namespace cnnx
