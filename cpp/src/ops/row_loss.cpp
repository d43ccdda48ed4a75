#include "cnnx/row_loss.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "kernels/kernel_table.hpp"
#include "ops/loss_rows.hpp"

namespace cnnx {
namespace {

constexpr double kLeastLength = 1e-7;

// The lengths of a row's outputs and targets, and the cosine of their angle.
struct Angle {
  double outputs, targets, cosine;
};

Angle angle_between(int64_t n, const float* outputs, const float* targets) {
  constexpr int64_t kBlock = 512;  // floats whose products are added up in float32
  const auto products_of = kernels().row_loss.products;
  double of_outputs = 0.0, of_both = 0.0, of_targets = 0.0;
  for (int64_t i = 0; i < n; i += kBlock) {
    const RowProducts block = products_of(std::min(kBlock, n - i), outputs + i, targets + i);
    of_outputs += block.of_outputs;
    of_both += block.of_both;
    of_targets += block.of_targets;
  }
  if (!(of_outputs + of_targets < FLT_MAX)) {  // again, where squares fit
    of_outputs = of_both = of_targets = 0.0;
    for (int64_t i = 0; i < n; ++i) {
      const double y = outputs[i], t = targets[i];
      of_outputs += y * y;
      of_both += t * y;
      of_targets += t * t;
    }
  }
  const double y_length = std::max(kLeastLength, std::sqrt(of_outputs));
  const double t_length = std::max(kLeastLength, std::sqrt(of_targets));
  return {y_length, t_length, of_both / (y_length * t_length)};
}

// v, at least low; NaN stays.
double at_least(float v, float low) { return v < low ? low : v; }

FocalRow row_of(const CategoricalFocal& focal, bool softmax) {
  return {.gamma = focal.gamma,
          .alpha = *focal.alphas,
          .alphas = focal.one_alpha ? nullptr : focal.alphas,
          .softmax = softmax};
}

void focal_backward(const LossDims& dims, const FocalRow& focal, const float* probs,
                    const float* targets, const float* sample_weights, float scale, float* diff) {
  const auto kernel = kernels().row_loss.focal_backward;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    kernel(dims.n, focal, probs + first, targets + first, row_factor(sample_weights, row, scale),
           diff + first);
  });
}

}  // namespace

void cosine_loss_forward(const LossDims& dims, const float* outputs, const float* targets,
                         float* losses) {
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const Angle angle = angle_between(dims.n, outputs + first, targets + first);
    losses[row] = static_cast<float>(-angle.cosine);
  });
}
void cosine_loss_backward(const LossDims& dims, const float* outputs, const float* targets,
                          const float* sample_weights, float scale, float* diff_outputs) {
  const auto combine = kernels().merging.weighted_sum;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const Angle angle = angle_between(dims.n, outputs + first, targets + first);
    const double factor = row_factor(sample_weights, row, scale) / angle.outputs;
    const double along = angle.outputs > kLeastLength ? angle.cosine / angle.outputs : 0.0;
    const float factors[] = {static_cast<float>(factor * along),
                             static_cast<float>(-factor / angle.targets)};
    const float* const rows[] = {outputs + first, targets + first};
    combine(dims.n, 2, rows, 0, factors, diff_outputs + first);
  });
}

void categorical_hinge_forward(const LossDims& dims, const float* outputs, const float* targets,
                               float* losses) {
  const auto kernel = kernels().row_loss.hinge_forward;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    losses[row] = kernel(dims.n, outputs + first, targets + first);
  });
}
void categorical_hinge_backward(const LossDims& dims, const float* outputs, const float* targets,
                                const float* sample_weights, float scale, float* diff_outputs) {
  const auto kernel = kernels().row_loss.hinge_backward;
  for_each_row(dims, [&](int64_t row, int64_t first) {
    kernel(dims.n, outputs + first, targets + first, row_factor(sample_weights, row, scale),
           diff_outputs + first);
  });
}

void generalized_cross_entropy_forward(const LossDims& dims, float q, const float* probs,
                                       const int64_t* labels, float* losses) {
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const double logarithm = std::log(at_least(probs[first + labels[row]], 0.0f));
    losses[row] = static_cast<float>(-std::expm1(q * logarithm) / q);
  });
}
void generalized_cross_entropy_backward(const LossDims& dims, float q, const float* probs,
                                        const int64_t* labels, const float* sample_weights,
                                        float scale, float* diff_probs) {
  for_each_row(dims, [&](int64_t row, int64_t first) {
    const double slope = std::pow(at_least(probs[first + labels[row]], kLeastProb), q - 1.0);
    std::fill_n(diff_probs + first, dims.n, 0.0f);
    diff_probs[first + labels[row]] =
        static_cast<float>(-slope * row_factor(sample_weights, row, scale));
  });
}

void categorical_focal_forward(const LossDims& dims, const CategoricalFocal& focal,
                               const float* probs, const float* targets, float* losses) {
  const auto kernel = kernels().row_loss.focal_forward;
  const FocalRow focal_row = row_of(focal, false);
  for_each_row(dims, [&](int64_t row, int64_t first) {
    losses[row] = kernel(dims.n, focal_row, probs + first, targets + first);
  });
}
void categorical_focal_backward(const LossDims& dims, const CategoricalFocal& focal,
                                const float* probs, const float* targets,
                                const float* sample_weights, float scale, float* diff_probs) {
  focal_backward(dims, row_of(focal, false), probs, targets, sample_weights, scale, diff_probs);
}

void softmax_focal_forward(const LossDims& dims, const CategoricalFocal& focal, const float* logits,
                           const float* targets, float* probs, float* losses) {
  const auto softmax = kernels().softmax.forward;
  const auto kernel = kernels().row_loss.focal_forward;
  const FocalRow focal_row = row_of(focal, true);
  for_each_row(dims, [&](int64_t row, int64_t first) {
    softmax(dims.n, logits + first, nullptr, probs + first);
    losses[row] = kernel(dims.n, focal_row, probs + first, targets + first);
  });
}
void softmax_focal_backward(const LossDims& dims, const CategoricalFocal& focal, const float* probs,
                            const float* targets, const float* sample_weights, float scale,
                            float* diff_logits) {
  focal_backward(dims, row_of(focal, true), probs, targets, sample_weights, scale, diff_logits);
}

}  // namespace cnnx
