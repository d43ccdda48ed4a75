#pragma once

#include <cstdint>

namespace cnnx {

// Elementwise over n floats; the result may be one of the inputs.
using Elementwise = void (*)(int64_t n, const float* src, float* dst);
using ElementwiseBackward = void (*)(int64_t n, const float* dst, const float* diff_dst,
                                     float* diff_src);

// What the logarithm of a softmax needs: log dst[i] = (src[i] - max) - log(sum). For targets t:
// their sum, and sum t[i] (max - src[i]).
struct SoftmaxRow {
  float max, sum, target_sum, target_distance;
};

// One row of n floats; or `columns` columns of n floats that are `stride` apart, of a softmax or
// of its logarithm.
struct SoftmaxKernels {
  SoftmaxRow (*forward)(int64_t n, const float* src, const float* targets, float* dst);
  ElementwiseBackward backward;
  Elementwise log_forward;
  ElementwiseBackward log_backward;
  void (*columns_forward)(int64_t n, int64_t stride, int64_t columns, bool logarithm,
                          const float* src, float* dst);
  void (*columns_backward)(int64_t n, int64_t stride, int64_t columns, bool logarithm,
                           const float* dst, const float* diff_dst, float* diff_src);
};

}  // namespace cnnx
