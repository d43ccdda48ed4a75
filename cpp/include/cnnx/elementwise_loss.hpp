#pragma once

#include <optional>
#include <string_view>

#include "cnnx/loss.hpp"

namespace cnnx {

// What an output y costs whose target is t, parameters in brackets. "Within" bounds, where the
// bounds bite, the derivative is 0.
enum class ElementwiseLossKind {
  squared,        // (y - t)^2
  half_squared,   // (y - t)^2 / 2
  absolute,       // |y - t|; its derivative at 0 is 0
  percentage,     // 100 |y - t| / max(|t|, 1e-7); likewise
  logarithmic,    // (log(1 + y) - log(1 + t))^2, y and t at least 1e-7
  huber,          // [d > 0] (y - t)^2 / 2, beyond |y - t| = d the tangent there
  log_cosh,       // log(cosh(y - t))
  hinge,          // max(1 - t y, 0)
  squared_hinge,  // max(1 - t y, 0)^2
  poisson,        // y - t log(y + 1e-7); NaN below
  divergence,     // t log(t / y), y and t within 1e-7 and 1
  focal,          // [g >= 0, a, b] (a t + b (1 - t)) (t (1 - y) + (1 - t) y)^g times
                  // -t log(y) - (1 - t) log(1 - y), y within 1e-7 and 1 - 1e-7 in the logarithms
};

// As above.
std::optional<ElementwiseLossKind> elementwise_loss_named(std::string_view name);

struct ElementwiseLoss {
  ElementwiseLossKind kind;
  float parameters[3] = {};  // as the kind has them
  bool mean = true;          // of a row's outputs; else their sum
};

void elementwise_loss_forward(const ElementwiseLoss& loss, const LossDims& dims,
                              const float* outputs, const float* targets, float* losses);
void elementwise_loss_backward(const ElementwiseLoss& loss, const LossDims& dims,
                               const float* outputs, const float* targets,
                               const float* sample_weights, float scale, float* diff_outputs);

// The same of outputs that are the sigmoid of logits. probs may be logits.
void sigmoid_loss_forward(const ElementwiseLoss& loss, const LossDims& dims, const float* logits,
                          const float* targets, float* probs, float* losses);
void sigmoid_loss_backward(const ElementwiseLoss& loss, const LossDims& dims, const float* probs,
                           const float* targets, const float* sample_weights, float scale,
                           float* diff_logits);

}  // namespace cnnx
