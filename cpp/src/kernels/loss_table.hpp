#pragma once

#include <cstdint>

namespace cnnx {

// Rows of n outputs: forward writes the sums of their losses, backward, for one row, factor times
// the sum's derivative.
using LossForward = void (*)(int64_t rows, int64_t n, const float* outputs, const float* targets,
                             float* sums);
using LossBackward = void (*)(int64_t n, const float* outputs, const float* targets, float factor,
                              float* diff_outputs);

// Probabilities are clipped to this range; where the clip bites, the derivative is 0.
constexpr float kLeastProb = 1e-7f, kMostProb = 1.0f - 1e-7f;

// Outputs whose sum is within this of 1 are probabilities as they are.
constexpr float kSumTolerance = 1e-4f;

struct LossKernels {
  LossBackward softmax_cross_entropy_backward;  // from the probabilities
  void (*sigmoid_cross_entropy_forward)(int64_t rows, int64_t n, const float* logits,
                                        const float* targets, float* probs, float* sums);
  LossBackward sigmoid_cross_entropy_backward;                  // from the probabilities
  float (*probability_scale)(int64_t n, const float* outputs);  // makes them sum to 1
  LossForward categorical_cross_entropy_forward;
  LossBackward categorical_cross_entropy_backward;
  LossForward binary_cross_entropy_forward;
  LossBackward binary_cross_entropy_backward;
};

// The sums of a row's products with itself and with its targets, and of the targets' squares.
struct RowProducts {
  float of_outputs, of_both, of_targets;
};
// alphas is null for one alpha. softmax: the outputs are that of logits, and the derivatives are by
// these; otherwise outputs are divided by their sum.
struct FocalRow {
  float gamma, alpha;
  const float* alphas;
  bool softmax;
};

// Losses of one row as a whole; backward writes factor times the derivative.
struct RowLossKernels {
  RowProducts (*products)(int64_t n, const float* outputs, const float* targets);
  float (*hinge_forward)(int64_t n, const float* outputs, const float* targets);
  LossBackward hinge_backward;
  float (*focal_forward)(int64_t n, const FocalRow& focal, const float* outputs,
                         const float* targets);
  // diff_outputs lies apart from outputs.
  void (*focal_backward)(int64_t n, const FocalRow& focal, const float* outputs,
                         const float* targets, float factor, float* diff_outputs);
};

// The losses of single outputs, of rows of n; `parameters` holds three floats. forward writes the
// sums, backward, for one row, factor times its derivative; diff_outputs may be outputs.
struct ElementwiseLossKernel {
  void (*forward)(int64_t rows, int64_t n, const float* parameters, const float* outputs,
                  const float* targets, float* sums);
  void (*backward)(int64_t n, const float* parameters, const float* outputs, const float* targets,
                   float factor, float* diff_outputs);
};

constexpr int kElementwiseLosses = 12;
struct ElementwiseLossKernels {
  ElementwiseLossKernel of[kElementwiseLosses];  // by ElementwiseLossKind
};

}  // namespace cnnx
