// Each activation as two functions of vectors: its value, and the gradient of its argument.
#pragma once

#include "kernels/activation_table.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

struct Parameters {
  float a, b, c;
};

struct Linear {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return x; }
  CNNX_INLINE static Vec backward(Vec, Vec dy, Parameters) { return dy; }
};

struct Relu {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return relu(x); }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return y > 0.0f ? dy : Vec{}; }
};

struct Sigmoid {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return sigmoid(x); }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return dy * (y * (1.0f - y)); }
};

struct Tanh {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return tanh(x); }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) {
    return dy * ((1.0f - y) * (1.0f + y));
  }
};

struct Arctan {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return arctan(x); }
  // The cosine is the sine of the angle left to pi / 2, which is split in two so that it is exact.
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) {
    const Vec cosine = sin((1.57079637f - abs(y)) - 4.37113883e-8f);
    return dy * (cosine * cosine);
  }
};

struct Elu {
  CNNX_INLINE static Vec forward(Vec x, Parameters p) {
    return x <= 0.0f ? expm1_below_zero(x) * p.a : x;
  }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters p) {
    return y <= 0.0f ? dy * (y + p.a) : dy;
  }
};

struct LeakyRelu {
  CNNX_INLINE static Vec forward(Vec x, Parameters p) { return x <= 0.0f ? x * p.a : x; }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters p) { return y <= 0.0f ? dy * p.a : dy; }
};

CNNX_INLINE Vec softplus(Vec x) { return (x <= 0.0f ? Vec{} : x) + log1p(exp(-abs(x))); }

struct Softplus {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return softplus(x); }
  // The sigmoid of x is 1 - e^-y.
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return dy * -expm1_below_zero(-y); }
};

struct Exponential {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return exp(x); }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return dy * y; }
};

struct Relu6 {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return relu6(x); }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) {
    return ((y > 0.0f) & (y < kMostRelu6)) ? dy : Vec{};
  }
};

constexpr float kSixth = 1.0f / 6.0f;

struct HardSigmoid {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return relu6(x + 3.0f) * kSixth; }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) {
    return ((y > 0.0f) & (y < 1.0f)) ? dy * kSixth : Vec{};
  }
};

struct Rectifier3 {  // of three pieces: below b, at most a
  CNNX_INLINE static Vec forward(Vec x, Parameters p) {
    const Vec below = p.b == 0.0f ? Vec{} : (x - p.c) * p.b;  // x may be infinite
    return x <= p.c ? below : x > p.a ? broadcast(p.a) : x;
  }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters p) {
    const Vec above = ((y > 0.0f) & (y < p.a)) ? dy : Vec{};
    return y < 0.0f ? dy * p.b : above;
  }
};

// The fixed point of mean 0 and variance 1 (Klambauer et al. 2017, equation 14).
constexpr float kSeluScale = 1.0507009873554805f, kSeluDepth = 1.6732632423543772f * kSeluScale;

struct Selu {
  CNNX_INLINE static Vec forward(Vec x, Parameters) {
    return x <= 0.0f ? expm1_below_zero(x) * kSeluDepth : x * kSeluScale;
  }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) {
    return dy * (y <= 0.0f ? y + kSeluDepth : broadcast(kSeluScale));
  }
};

struct Celu {
  CNNX_INLINE static Vec forward(Vec x, Parameters p) {
    return x <= 0.0f ? expm1_below_zero(x / p.a) * p.a : x;
  }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters p) {
    return y <= 0.0f ? dy * (y / p.a + 1.0f) : dy;
  }
};

struct Softsign {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return x / (1.0f + abs(x)); }
  // 1 / (1 + |x|) is 1 - |y|.
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) {
    const Vec left = 1.0f - abs(y);
    return dy * (left * left);
  }
};

struct HardTanh {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return bounded(x, -1.0f, 1.0f); }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return abs(y) < 1.0f ? dy : Vec{}; }
};

struct LogSigmoid {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return -softplus(-x); }
  // The sigmoid of -x is 1 - e^y.
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return dy * -expm1_below_zero(y); }
};

CNNX_INLINE Vec where_not_0(Vec y, Vec dy) { return y == 0.0f ? Vec{} : dy; }

struct HardShrink {
  CNNX_INLINE static Vec forward(Vec x, Parameters p) { return abs(x) <= p.a ? Vec{} : x; }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return where_not_0(y, dy); }
};

struct SoftShrink {
  CNNX_INLINE static Vec forward(Vec x, Parameters p) {
    const Vec outside = x > 0.0f ? x - p.a : x + p.a;
    return abs(x) <= p.a ? Vec{} : outside;
  }
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters) { return where_not_0(y, dy); }
};

struct Squareplus {
  CNNX_INLINE static Vec forward(Vec x, Parameters p) {
    constexpr float kFar = 1e15f;  // beyond, b is lost, and a square might overflow
    const Vec size = abs(x);
    const Vec root = size < kFar ? sqrt(x * x + p.a) : size;
    const Vec sum = size + root;
    // Below 0 the sum x + root would cancel.
    const Vec below = sum == 0.0f ? Vec{} : (p.a * 0.5f) / sum;
    return x > 0.0f ? sum * 0.5f : x <= 0.0f ? below : x;
  }
  // The root is y + b / (4 y).
  CNNX_INLINE static Vec backward(Vec y, Vec dy, Parameters p) {
    const Vec share = (p.a * 0.25f) / y / y;
    return y == 0.0f ? Vec{} : dy / (1.0f + share);
  }
};

struct Silu {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return x * sigmoid(x); }
  CNNX_INLINE static Vec backward(Vec x, Vec dy, Parameters) {
    const Vec gate = sigmoid(x);
    return dy * (gate + x * (gate * (1.0f - gate)));
  }
};

struct HardSilu {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return x * (relu6(x + 3.0f) * kSixth); }
  CNNX_INLINE static Vec backward(Vec x, Vec dy, Parameters) {
    const Vec gate = relu6(x + 3.0f) * kSixth;
    const Vec slope = ((gate > 0.0f) & (gate < 1.0f)) ? x * kSixth : Vec{};
    return dy * (gate + slope);
  }
};

struct Gelu {
  CNNX_INLINE static Vec forward(Vec x, Parameters) { return x * normal_probability(x); }
  CNNX_INLINE static Vec backward(Vec x, Vec dy, Parameters) {
    constexpr float kPeak = 0.398942280f;  // 1 / sqrt(2 pi)
    const Vec near = bounded(x, -kFarNormal, kFarNormal);
    return dy * (normal_probability(x) + near * (exp(near * near * -0.5f) * kPeak));
  }
};

struct GeluTanh {
  // (1 + tanh u) / 2 is the sigmoid of 2 u = x (kLinear + kCubic x^2).
  static constexpr float kLinear = 1.59576912f, kCubic = 0.0713548163f;
  CNNX_INLINE static Vec forward(Vec x, Parameters) {
    return x * sigmoid(x * (x * x * kCubic + kLinear));
  }
  CNNX_INLINE static Vec backward(Vec x, Vec dy, Parameters) {
    const Vec near = bounded(x, -kFarNormal, kFarNormal), square = near * near;
    const Vec gate = sigmoid(near * (square * kCubic + kLinear));
    const Vec slope = square * (3.0f * kCubic) + kLinear;
    return dy * (gate + near * (gate * (1.0f - gate)) * slope);
  }
};

struct Mish {
  // With e = e^x and n = e (e + 2), tanh(log(1 + e)) is n / (n + 2); beyond the bound it is 1.
  static constexpr float kFar = 20.0f;
  CNNX_INLINE static Vec forward(Vec x, Parameters) {
    const Vec e = exp(bounded(x, -100.0f, kFar)), n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
  }
  CNNX_INLINE static Vec backward(Vec x, Vec dy, Parameters) {
    const Vec near = bounded(x, -100.0f, kFar);
    const Vec e = exp(near), n = e * (e + 2.0f);
    const Vec left = 2.0f / (n + 2.0f), gate = n / (n + 2.0f);
    return dy * (gate + near * (left * (1.0f + gate)) * (e / (e + 1.0f)));
  }
};

struct TanhShrink {
  CNNX_INLINE static Vec forward(Vec x, Parameters) {
    return abs(x) < kNearTanh ? -tanh_beyond_linear(x) : x - tanh(x);
  }
  CNNX_INLINE static Vec backward(Vec x, Vec dy, Parameters) {
    const Vec y = tanh(x);
    return dy * (y * y);
  }
};

struct Threshold {
  CNNX_INLINE static Vec forward(Vec x, Parameters p) { return x <= p.a ? broadcast(p.b) : x; }
  CNNX_INLINE static Vec backward(Vec x, Vec dy, Parameters p) { return x <= p.a ? Vec{} : dy; }
};

template <typename Function>
void activate(int64_t n, const float* parameters, const float* src, float* dst) {
  const Parameters p{parameters[0], parameters[1], parameters[2]};
  map(n, src, dst, [=](Vec x) { return Function::forward(x, p); });
}
template <typename Function>
void derive(int64_t n, const float* parameters, const float* dst, const float* diff_dst,
            float* diff_src) {
  const Parameters p{parameters[0], parameters[1], parameters[2]};
  map(n, dst, diff_dst, diff_src, [=](Vec y, Vec dy) { return Function::backward(y, dy, p); });
}
template <typename Function>
constexpr ActivationKernel kernel_of = {activate<Function>, derive<Function>};

constexpr ActivationKernels activation_kernels = {{
    kernel_of<Linear>,      kernel_of<Relu>,       kernel_of<Sigmoid>,     kernel_of<Tanh>,
    kernel_of<Arctan>,      kernel_of<Elu>,        kernel_of<LeakyRelu>,   kernel_of<Softplus>,
    kernel_of<Exponential>, kernel_of<Relu6>,      kernel_of<HardSigmoid>, kernel_of<Rectifier3>,
    kernel_of<Selu>,        kernel_of<Celu>,       kernel_of<Softsign>,    kernel_of<HardTanh>,
    kernel_of<LogSigmoid>,  kernel_of<HardShrink>, kernel_of<SoftShrink>,  kernel_of<Squareplus>,
    kernel_of<Silu>,        kernel_of<HardSilu>,   kernel_of<Gelu>,        kernel_of<GeluTanh>,
    kernel_of<Mish>,        kernel_of<TanhShrink>, kernel_of<Threshold>,
}};

}  // namespace
}  // namespace cnnx
