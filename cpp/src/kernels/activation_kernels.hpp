#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

void relu_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return x <= 0.0f ? Vec{} : x; });  // NaN stays
}
void relu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) { return y > 0.0f ? dy : Vec{}; });
}

void sigmoid_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return sigmoid(x); });
}
void sigmoid_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) { return dy * (y * (1.0f - y)); });
}

void tanh_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return tanh(x); });
}
void tanh_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) { return dy * ((1.0f - y) * (1.0f + y)); });
}

constexpr ActivationKernels activation_kernels = {
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .sigmoid_forward = sigmoid_forward,
    .sigmoid_backward = sigmoid_backward,
    .tanh_forward = tanh_forward,
    .tanh_backward = tanh_backward,
};

}  // namespace
}  // namespace cnnx
