#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

constexpr float kLeakySlope = 0.2f;

void linear_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return x; });
}
void linear_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src, [](Vec, Vec dy) { return dy; });
}

void relu_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return relu(x); });
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

void arctan_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return arctan(x); });
}
void arctan_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  // The cosine is the sine of the angle left to pi / 2, which is split in two so that it is exact.
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) {
    const Vec cosine = sin((1.57079637f - abs(y)) - 4.37113883e-8f);
    return dy * (cosine * cosine);
  });
}

void elu_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return x <= 0.0f ? expm1_below_zero(x) : x; });
}
void elu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) { return y <= 0.0f ? dy * (y + 1.0f) : dy; });
}

void leaky_relu_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return x <= 0.0f ? x * kLeakySlope : x; });
}
void leaky_relu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) { return y <= 0.0f ? dy * kLeakySlope : dy; });
}

void softplus_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return (x <= 0.0f ? Vec{} : x) + log1p(exp(-abs(x))); });
}
void softplus_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  // The sigmoid of x is 1 - e^-dst.
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) { return dy * -expm1_below_zero(-y); });
}

void exponential_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return exp(x); });
}
void exponential_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src, [](Vec y, Vec dy) { return dy * y; });
}

void relu6_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return relu6(x); });
}
void relu6_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src,
      [](Vec y, Vec dy) { return ((y > 0.0f) & (y < kMostRelu6)) ? dy : Vec{}; });
}

constexpr float kSixth = 1.0f / 6.0f;

void hard_sigmoid_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return relu6(x + 3.0f) * kSixth; });
}
void hard_sigmoid_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  map(n, dst, diff_dst, diff_src,
      [](Vec y, Vec dy) { return ((y > 0.0f) & (y < 1.0f)) ? dy * kSixth : Vec{}; });
}

void silu_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return x * sigmoid(x); });
}
void silu_backward(int64_t n, const float* src, const float* diff_dst, float* diff_src) {
  map(n, src, diff_dst, diff_src, [](Vec x, Vec dy) {
    const Vec gate = sigmoid(x);
    return dy * (gate + x * (gate * (1.0f - gate)));
  });
}

void hard_silu_forward(int64_t n, const float* src, float* dst) {
  map(n, src, dst, [](Vec x) { return x * (relu6(x + 3.0f) * kSixth); });
}
void hard_silu_backward(int64_t n, const float* src, const float* diff_dst, float* diff_src) {
  map(n, src, diff_dst, diff_src, [](Vec x, Vec dy) {
    const Vec gate = relu6(x + 3.0f) * kSixth;
    const Vec slope = ((gate > 0.0f) & (gate < 1.0f)) ? x * kSixth : Vec{};
    return dy * (gate + slope);
  });
}

constexpr ActivationKernels activation_kernels = {{
    {linear_forward, linear_backward},
    {relu_forward, relu_backward},
    {sigmoid_forward, sigmoid_backward},
    {tanh_forward, tanh_backward},
    {arctan_forward, arctan_backward},
    {elu_forward, elu_backward},
    {leaky_relu_forward, leaky_relu_backward},
    {softplus_forward, softplus_backward},
    {exponential_forward, exponential_backward},
    {relu6_forward, relu6_backward},
    {hard_sigmoid_forward, hard_sigmoid_backward},
    {silu_forward, silu_backward},
    {hard_silu_forward, hard_silu_backward},
}};

}  // namespace
}  // namespace cnnx
