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

// The derivative 1 / (1 + x^2) is cos^2 dst, within 6e-8 of the exact one even near +-pi / 2.
void arctan_forward(int64_t n, const float* src, float* dst);
void arctan_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

// x, below 0 e^x - 1.
void elu_forward(int64_t n, const float* src, float* dst);
void elu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

// x, below 0 0.2 x; the derivative at 0 is 0.2.
void leaky_relu_forward(int64_t n, const float* src, float* dst);
void leaky_relu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

// log(1 + e^x)
void softplus_forward(int64_t n, const float* src, float* dst);
void softplus_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

void exponential_forward(int64_t n, const float* src, float* dst);
void exponential_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

}  // namespace cnnx
