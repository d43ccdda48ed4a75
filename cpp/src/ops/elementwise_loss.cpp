#include "cnnx/elementwise_loss.hpp"

#include <algorithm>
#include <iterator>

#include "cnnx/activation.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/loss_rows.hpp"

namespace cnnx {
namespace {

constexpr std::string_view kNames[kElementwiseLosses] = {
    "squared",  "half_squared", "absolute",      "percentage", "logarithmic", "huber",
    "log_cosh", "hinge",        "squared_hinge", "poisson",    "divergence",  "focal",
};

const ElementwiseLossKernel& kernel_of(const ElementwiseLoss& loss) {
  return kernels().elementwise_loss.of[static_cast<int>(loss.kind)];
}

float divisor_of(const ElementwiseLoss& loss, const LossDims& dims) {
  return loss.mean ? static_cast<float>(dims.n) : 1.0f;
}

}  // namespace

std::optional<ElementwiseLossKind> elementwise_loss_named(std::string_view name) {
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<ElementwiseLossKind>(found - std::begin(kNames));
}

void elementwise_loss_forward(const ElementwiseLoss& loss, const LossDims& dims,
                              const float* outputs, const float* targets, float* losses) {
  const auto kernel = kernel_of(loss).forward;
  divided_sums(dims, divisor_of(loss, dims), losses, [&](int64_t rows, int64_t first, float* sums) {
    kernel(rows, dims.n, loss.parameters, outputs + first, targets + first, sums);
  });
}

void elementwise_loss_backward(const ElementwiseLoss& loss, const LossDims& dims,
                               const float* outputs, const float* targets,
                               const float* sample_weights, float scale, float* diff_outputs) {
  const auto kernel = kernel_of(loss).backward;
  const float share = scale / divisor_of(loss, dims);
  for_each_row(dims, [&](int64_t row, int64_t first) {
    kernel(dims.n, loss.parameters, outputs + first, targets + first,
           row_factor(sample_weights, row, share), diff_outputs + first);
  });
}

void sigmoid_loss_forward(const ElementwiseLoss& loss, const LossDims& dims, const float* logits,
                          const float* targets, float* probs, float* losses) {
  activation_forward({ActivationKind::sigmoid}, dims.rows * dims.n, logits, probs);
  elementwise_loss_forward(loss, dims, probs, targets, losses);
}

void sigmoid_loss_backward(const ElementwiseLoss& loss, const LossDims& dims, const float* probs,
                           const float* targets, const float* sample_weights, float scale,
                           float* diff_logits) {
  const auto kernel = kernel_of(loss).backward;
  const auto sigmoid = kernels().activation.of[static_cast<int>(ActivationKind::sigmoid)].backward;
  const float share = scale / divisor_of(loss, dims);
  constexpr float kNone[3] = {};
  for_each_row(dims, [&](int64_t row, int64_t first) {
    kernel(dims.n, loss.parameters, probs + first, targets + first,
           row_factor(sample_weights, row, share), diff_logits + first);
    sigmoid(dims.n, kNone, probs + first, diff_logits + first, diff_logits + first);
  });
}

}  // namespace cnnx
