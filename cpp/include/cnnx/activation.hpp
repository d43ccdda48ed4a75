#pragma once

#include <cstdint>

namespace cnnx {

// Elementwise over n floats. Every derivative is written in terms of dst, so dst may be src, and
// diff_src may be diff_dst. The derivative of ReLU at 0 is 0.
void relu_forward(int64_t n, const float* src, float* dst);
void relu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

void sigmoid_forward(int64_t n, const float* src, float* dst);
void sigmoid_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

void tanh_forward(int64_t n, const float* src, float* dst);
void tanh_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

}  // namespace cnnx
