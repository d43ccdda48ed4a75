#pragma once

#include <cstdint>

namespace cnnx {

// Arrays (outer, n, inner) along their middle axis: contiguous rows of n floats where inner is 1.
struct SoftmaxDims {
  int64_t outer, n, inner;
};

// dst = e^src / sum e^src, or its logarithm. dst may be src, and diff_src may be dst or diff_dst.
void softmax_forward(const SoftmaxDims& dims, const float* src, float* dst);
void softmax_backward(const SoftmaxDims& dims, const float* dst, const float* diff_dst,
                      float* diff_src);
void log_softmax_forward(const SoftmaxDims& dims, const float* src, float* dst);
void log_softmax_backward(const SoftmaxDims& dims, const float* dst, const float* diff_dst,
                          float* diff_src);

}  // namespace cnnx
