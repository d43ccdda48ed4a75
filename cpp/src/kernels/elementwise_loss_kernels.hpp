// Each loss of single outputs as two functions of vectors: its value for outputs y and targets t,
// and its slope, the derivative by y.
#pragma once

#include "kernels/activation_kernels.hpp"
#include "kernels/loss_kernels.hpp"
#include "kernels/loss_table.hpp"

namespace cnnx {
namespace {

// v, at least `low`; NaN stays.
CNNX_INLINE Vec at_least(Vec v, float low) { return v < low ? broadcast(low) : v; }

// 1, -1 or 0; NaN stays.
CNNX_INLINE Vec sign_of(Vec v) {
  const Vec below = v < 0.0f ? broadcast(-1.0f) : v * 0.0f;
  return v > 0.0f ? broadcast(1.0f) : below;
}

// The logarithm of any float; NaN below 0.
CNNX_INLINE Vec log_of_any(Vec x) {
  constexpr float kInfinity = __builtin_inff();
  const Vec finite = x < kInfinity ? log(x) : x;
  const Vec at_most_0 = x == 0.0f ? broadcast(-kInfinity) : broadcast(__builtin_nanf(""));
  return x <= 0.0f ? at_most_0 : finite;
}

// log(above / below), exact for near ones too, of which `difference` is known exactly.
CNNX_INLINE Vec log_of_quotient(Vec above, Vec below, Vec difference) {
  const Vec ratio = difference / below;
  const Vec far = log_of_any(above) - log_of_any(below);
  return abs(ratio) < 0.5f ? log1p(ratio) : far;
}

// x^exponent for x >= 0
CNNX_INLINE Vec power(Vec x, float exponent) {
  if (exponent == 0.0f) return broadcast(1.0f);
  if (exponent == 1.0f) return x;
  if (exponent == 2.0f) return x * x;
  return exp(log_of_any(x) * exponent);
}

struct SquaredLoss {
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) { return (y - t) * (y - t); }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) { return (y - t) * 2.0f; }
};

struct HalfSquaredLoss {
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) { return (y - t) * (y - t) * 0.5f; }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) { return y - t; }
};

struct AbsoluteLoss {
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) { return abs(y - t); }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) { return sign_of(y - t); }
};

struct PercentageLoss {
  CNNX_INLINE static Vec size(Vec t) { return at_least(abs(t), kLeastProb); }
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) { return abs(y - t) / size(t) * 100.0f; }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) {
    return sign_of(y - t) * (100.0f / size(t));
  }
};

struct LogarithmicLoss {
  CNNX_INLINE static Vec difference(Vec y, Vec t) {
    const Vec above = at_least(y, kLeastProb), below = at_least(t, kLeastProb);
    return log_of_quotient(above + 1.0f, below + 1.0f, above - below);
  }
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) {
    const Vec d = difference(y, t);
    return d * d;
  }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) {
    return y > kLeastProb ? difference(y, t) * 2.0f / (y + 1.0f) : Vec{};
  }
};

struct HuberLoss {
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters p) {
    const Vec size = abs(y - t), near = size > p.a ? broadcast(p.a) : size;
    return near * (size - near * 0.5f);
  }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters p) { return bounded(y - t, -p.a, p.a); }
};

struct LogCoshLoss {
  // The square of the hyperbolic cosine is 1 / (1 - tanh^2); far from 0 the other form is exact.
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) {
    constexpr float kLogOf2 = 0.693147181f;
    const Vec size = abs(y - t), slope = tanh(size);
    const Vec far = size + (log1p(exp(size * -2.0f)) - kLogOf2);
    return size < 1.0f ? log1p(-(slope * slope)) * -0.5f : far;
  }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) { return tanh(y - t); }
};

struct HingeLoss {
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) { return relu(1.0f - t * y); }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) { return t * y < 1.0f ? -t : Vec{}; }
};

struct SquaredHingeLoss {
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) {
    const Vec margin = relu(1.0f - t * y);
    return margin * margin;
  }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) { return relu(1.0f - t * y) * t * -2.0f; }
};

struct PoissonLoss {
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) {
    return y - t * log_of_any(y + kLeastProb);
  }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) { return 1.0f - t / (y + kLeastProb); }
};

struct DivergenceLoss {
  CNNX_INLINE static Vec share(Vec v) { return bounded(v, kLeastProb, 1.0f); }
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters) {
    const Vec p = share(y), q = share(t);
    return q * log_of_quotient(q, p, q - p);
  }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters) {
    const Vec p = share(y);
    return p == y ? -share(t) / p : Vec{};
  }
};

struct FocalLoss {
  CNNX_INLINE static Vec weight(Vec t, Parameters p) { return t * p.b + (1.0f - t) * p.c; }
  CNNX_INLINE static Vec rest(Vec y, Vec t) { return relu(t * (1.0f - y) + (1.0f - t) * y); }
  // 1 - y is exact above 1/2, and so is what the clip makes of it.
  CNNX_INLINE static Vec entropy(Vec y, Vec t) {
    const Vec of_other = y > 0.5f ? log(clip(1.0f - y)) : log1p(-clip(y));
    return -(t * log(clip(y)) + (1.0f - t) * of_other);
  }
  CNNX_INLINE static Vec value(Vec y, Vec t, Parameters p) {
    return weight(t, p) * power(rest(y, t), p.a) * entropy(y, t);
  }
  CNNX_INLINE static Vec slope(Vec y, Vec t, Parameters p) {
    const Vec q = clip(y), left = rest(y, t);
    const Vec by_entropy = where_unclipped(y, (q - t) / (q * (1.0f - q)));
    const Vec by_power =
        p.a == 0.0f ? Vec{} : power(left, p.a - 1.0f) * p.a * (1.0f - 2.0f * t) * entropy(y, t);
    return weight(t, p) * (by_power + power(left, p.a) * by_entropy);
  }
};

template <typename Loss>
void lose(int64_t rows, int64_t n, const float* parameters, const float* outputs,
          const float* targets, float* sums) {
  const Parameters p{parameters[0], parameters[1], parameters[2]};
  sum_over_rows(rows, n, outputs, targets, sums,
                [=](Vec y, Vec t) { return Loss::value(y, t, p); });
}
template <typename Loss>
void lose_backward(int64_t n, const float* parameters, const float* outputs, const float* targets,
                   float factor, float* diff_outputs) {
  const Parameters p{parameters[0], parameters[1], parameters[2]};
  map(n, outputs, targets, diff_outputs,
      [=](Vec y, Vec t) { return Loss::slope(y, t, p) * factor; });
}
template <typename Loss>
constexpr ElementwiseLossKernel loss_kernel_of = {lose<Loss>, lose_backward<Loss>};

constexpr ElementwiseLossKernels elementwise_loss_kernels = {{
    loss_kernel_of<SquaredLoss>,
    loss_kernel_of<HalfSquaredLoss>,
    loss_kernel_of<AbsoluteLoss>,
    loss_kernel_of<PercentageLoss>,
    loss_kernel_of<LogarithmicLoss>,
    loss_kernel_of<HuberLoss>,
    loss_kernel_of<LogCoshLoss>,
    loss_kernel_of<HingeLoss>,
    loss_kernel_of<SquaredHingeLoss>,
    loss_kernel_of<PoissonLoss>,
    loss_kernel_of<DivergenceLoss>,
    loss_kernel_of<FocalLoss>,
}};

}  // namespace
}  // namespace cnnx
