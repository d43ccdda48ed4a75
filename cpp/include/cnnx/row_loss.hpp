#pragma once

#include "cnnx/loss.hpp"

namespace cnnx {

// Losses that see the outputs of a row together, see LossDims.

// Minus the cosine of the angle between outputs and targets, whose lengths count as 1e-7 below.
void cosine_loss_forward(const LossDims& dims, const float* outputs, const float* targets,
                         float* losses);
void cosine_loss_backward(const LossDims& dims, const float* outputs, const float* targets,
                          const float* sample_weights, float scale, float* diff_outputs);

// max(1 + max (1 - t) y - sum t y, 0). Of equal outputs y the first has the whole derivative.
void categorical_hinge_forward(const LossDims& dims, const float* outputs, const float* targets,
                               float* losses);
void categorical_hinge_backward(const LossDims& dims, const float* outputs, const float* targets,
                                const float* sample_weights, float scale, float* diff_outputs);

// (1 - p^q) / q of the labelled class's output p, at least 0; the derivative at least of p = 1e-7.
void generalized_cross_entropy_forward(const LossDims& dims, float q, const float* probs,
                                       const int64_t* labels, float* losses);
void generalized_cross_entropy_backward(const LossDims& dims, float q, const float* probs,
                                        const int64_t* labels, const float* sample_weights,
                                        float scale, float* diff_probs);

// The sum of alpha (1 - p)^gamma (-t log p), with p the outputs over their sum (over 1 if it is 0),
// clipped to [1e-7, 1 - 1e-7]; where the clip bites, the derivative is 0. There is one alpha, or
// one for each of n classes.
struct CategoricalFocal {
  float gamma;
  const float* alphas;
  bool one_alpha;
};
void categorical_focal_forward(const LossDims& dims, const CategoricalFocal& focal,
                               const float* probs, const float* targets, float* losses);
void categorical_focal_backward(const LossDims& dims, const CategoricalFocal& focal,
                                const float* probs, const float* targets,
                                const float* sample_weights, float scale, float* diff_probs);
// The same of outputs that are the softmax of logits. probs may be logits, diff_logits not probs.
void softmax_focal_forward(const LossDims& dims, const CategoricalFocal& focal, const float* logits,
                           const float* targets, float* probs, float* losses);
void softmax_focal_backward(const LossDims& dims, const CategoricalFocal& focal, const float* probs,
                            const float* targets, const float* sample_weights, float scale,
                            float* diff_logits);

}  // namespace cnnx
