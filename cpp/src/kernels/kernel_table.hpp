#pragma once

#include <cstdint>

// The one interface between the operations and an instruction set. Kernel objects are islands: they
// include nothing but this header, <cstdint> and the sources beside it, keep all else in an
// anonymous namespace, and export one table.

namespace cnnx {

// A micro-kernel multiplies packed panels: a (k, mr) and b (k, nr), both contiguous and padded with
// zeros, and writes rows x cols of the tile to c (row stride ldc). Adds c if accumulate is set, and
// bias (cols) unless it is null.
using GemmMicrokernel = void (*)(int64_t k, const float* a, const float* b, const float* bias,
                                 float* c, int64_t ldc, int64_t rows, int64_t cols,
                                 bool accumulate);

// Register tile mr x nr and cache blocks: an a block (mc, kc) lives in L2, a b panel (kc, nr) in
// L1, a b block (kc, nc) in L3. mc is a multiple of mr, nc of nr.
struct GemmTile {
  GemmMicrokernel microkernel;
  int64_t mr, nr, mc, kc, nc;
};

// Elementwise over n floats; the result may be one of the inputs.
using Elementwise = void (*)(int64_t n, const float* src, float* dst);
using ElementwiseBackward = void (*)(int64_t n, const float* dst, const float* diff_dst,
                                     float* diff_src);

struct ActivationKernels {
  Elementwise relu_forward;
  ElementwiseBackward relu_backward;
  Elementwise sigmoid_forward;
  ElementwiseBackward sigmoid_backward;
  Elementwise tanh_forward;
  ElementwiseBackward tanh_backward;
};

// What the logarithm of a softmax needs: log dst[i] = (src[i] - max) - log(sum). For targets t:
// their sum, and sum t[i] (max - src[i]).
struct SoftmaxRow {
  float max, sum, target_sum, target_distance;
};

// One row of n floats.
struct SoftmaxKernels {
  SoftmaxRow (*forward)(int64_t n, const float* src, const float* targets, float* dst);
  ElementwiseBackward backward;
};

// One row of n outputs: forward returns the sum of their losses, backward writes factor times the
// sum's derivative.
using LossForward = float (*)(int64_t n, const float* outputs, const float* targets);
using LossBackward = void (*)(int64_t n, const float* outputs, const float* targets, float factor,
                              float* diff_outputs);

// Probabilities are clipped to this range; where the clip bites, the derivative is 0.
constexpr float kLeastProb = 1e-7f, kMostProb = 1.0f - 1e-7f;

struct LossKernels {
  LossBackward softmax_cross_entropy_backward;  // from the probabilities
  float (*sigmoid_cross_entropy_forward)(int64_t n, const float* logits, const float* targets,
                                         float* probs);
  LossBackward sigmoid_cross_entropy_backward;  // from the probabilities
  LossForward categorical_cross_entropy_forward;
  LossBackward categorical_cross_entropy_backward;
  LossForward binary_cross_entropy_forward;
  LossBackward binary_cross_entropy_backward;
  LossForward mean_squared_error_forward;
  LossBackward mean_squared_error_backward;
};

// The part of one pooling window that lies in the image: rows x cols pixels at the given strides.
// Position (y, x) of it counts position + y * row_positions + x in the whole window.
struct PoolWindow {
  int64_t rows, cols;
  int64_t row_stride, pixel_stride;
  int32_t position, row_positions;
};

// c channels of one window, whose first pixel is src; dst, diff_dst and argmax are one pixel.
// backward adds to diff_src. argmax may be null in forward.
struct PoolKernels {
  void (*max_forward)(int64_t c, const PoolWindow& window, const float* src, float* dst,
                      int32_t* argmax);
  void (*max_backward)(int64_t c, const PoolWindow& window, const float* diff_dst,
                       const int32_t* argmax, float* diff_src);
  void (*avg_forward)(int64_t c, const PoolWindow& window, const float* src, float* dst);
  void (*avg_backward)(int64_t c, const PoolWindow& window, const float* diff_dst, float* diff_src);
};

// Contiguous (rows, c) matrices; the other arguments have one float a column. add_... add to their
// sums, row after row.
struct BatchNormKernels {
  void (*add_column_sums)(int64_t rows, int64_t c, const float* src, float* sums);
  // of (src - mean)^2
  void (*add_squared_deviations)(int64_t rows, int64_t c, const float* src, const float* mean,
                                 float* sums);
  // of diff_dst and of diff_dst * (src - mean)
  void (*add_gradient_sums)(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                            const float* mean, float* sums, float* products);
  // dst = scale * (src - mean) + shift
  void (*normalize)(int64_t rows, int64_t c, const float* src, const float* mean,
                    const float* scale, const float* shift, float* dst);
  // diff_src = scale * diff_dst + slope * (src - mean) + shift
  void (*normalize_backward)(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                             const float* mean, const float* scale, const float* slope,
                             const float* shift, float* diff_src);
};

// m = beta_1 m + rest_1 grad; v = beta_2 v + rest_2 grad^2;
// param -= learning_rate m / (unbias_2 sqrt(v) + epsilon)
struct AdamRates {
  float beta_1, rest_1, beta_2, rest_2, learning_rate, unbias_2, epsilon;
};

// Over n parameters; the formulas are in optimizer_step.hpp.
struct OptimizerKernels {
  void (*descend)(int64_t n, float learning_rate, const float* grads, float* params);
  void (*descend_with_momentum)(int64_t n, float learning_rate, float momentum, bool nesterov,
                                const float* grads, float* velocity, float* params);
  void (*adam)(int64_t n, const AdamRates& rates, const float* grads, float* m, float* v,
               float* params);
};

// Elements whose 32-bit random word is below the threshold become 0, the others are scaled. Counter
// `counter` belongs to the first four.
using DropoutKernel = void (*)(int64_t n, uint64_t counter, uint64_t seed, uint32_t threshold,
                               float scale, const float* src, float* dst);

struct KernelTable {
  const char* name;
  GemmTile gemm_wide;    // for n > gemm_narrow.nr
  GemmTile gemm_narrow;  // for few output columns
  ActivationKernels activation;
  SoftmaxKernels softmax;
  LossKernels loss;
  PoolKernels pool;
  BatchNormKernels batch_norm;
  DropoutKernel dropout;
  OptimizerKernels optimizer;
};

// The table in use.
const KernelTable& kernels();

extern const KernelTable ref_kernels;
#ifdef CNNX_X86_64
extern const KernelTable avx2_kernels;
extern const KernelTable avx512_kernels;
#endif

}  // namespace cnnx
