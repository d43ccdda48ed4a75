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
// square = kept * square + added * grad^2;
// param -= learning_rate * grad / (sqrt(square + inner_epsilon) + outer_epsilon)
void rms_step(int64_t n, float learning_rate, float kept, float added, float inner_epsilon,
              float outer_epsilon, const float* grads, float* squares, float* params);

// Kingma & Ba (2015), Algorithm 1; step counts from 1. Before it, decoupled from the gradient,
// param -= learning_rate * weight_decay * param (Loshchilov & Hutter 2019).
// m = beta_1 m + (1 - beta_1) grad; v = beta_2 v + (1 - beta_2) grad^2;
// param -= learning_rate * (m / (1 - beta_1^step)) / (sqrt(v / (1 - beta_2^step)) + epsilon)
void adam_step(int64_t n, float learning_rate, float beta_1, float beta_2, float epsilon,
               float weight_decay, int64_t step, const float* grads, float* m, float* v,
               float* params);

// The same with Nesterov's look ahead (Dozat 2016); the shares are of m and of the gradient.
// param -= learning_rate * (m_share * m + grad_share * grad) /
//          (sqrt(v / (1 - beta_2^step)) + epsilon)
void nadam_step(int64_t n, float learning_rate, float beta_1, float beta_2, float epsilon,
                float m_share, float grad_share, int64_t step, const float* grads, float* m,
                float* v, float* params);

}  // namespace cnnx
