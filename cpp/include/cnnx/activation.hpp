#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cnnx {

// Parameters, where there are any, in brackets. Derivatives are written in terms of the value but
// for the last ones, whose value does not tell the argument: they take src for dst.
enum class ActivationKind {
  linear,        // x
  relu,          // max(x, 0); its derivative at 0 is 0
  sigmoid,       // 1 / (1 + e^-x)
  tanh,          //
  arctan,        // its derivative is cos^2 dst, within 6e-8 of the exact one even near +-pi / 2
  elu,           // [a >= 0] x, below 0 a (e^x - 1)
  leaky_relu,    // [a >= 0] x, below 0 a x; its derivative at 0 is a
  softplus,      // log(1 + e^x)
  exponential,   // e^x
  relu6,         // min(max(x, 0), 6); its derivative at 0 and 6 is 0
  hard_sigmoid,  // min(max(x + 3, 0), 6) / 6; its derivative at -3 and 3 is 0
  rectifier,     // [h, a, t >= 0] min(x, h) above t, else a (x - t); its derivative at t and h is 0
  selu,          // x, below 0 1.6732632 (e^x - 1), times 1.0507010
  celu,          // [a > 0] x, below 0 a (e^(x / a) - 1)
  softsign,      // x / (1 + |x|)
  hard_tanh,     // min(max(x, -1), 1); its derivative at -1 and 1 is 0
  log_sigmoid,   // -log(1 + e^-x)
  hard_shrink,   // [t >= 0] x, 0 where |x| <= t
  soft_shrink,   // [t >= 0] x - t above t, x + t below -t, else 0
  squareplus,    // [b >= 0] (x + sqrt(x^2 + b)) / 2
  silu,          // x / (1 + e^-x)
  hard_silu,     // x min(max(x + 3, 0), 6) / 6
  gelu,          // x P(x), with P the distribution function of the standard normal distribution
  gelu_tanh,     // x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
  mish,          // x tanh(log(1 + e^x))
  tanh_shrink,   // x - tanh x
  threshold,     // [t, v] x above t, else v
};

// As above.
const char* name_of(ActivationKind kind);
std::optional<ActivationKind> activation_named(std::string_view name);

struct Activation {
  ActivationKind kind;
  float parameters[3] = {};  // as the kind has them

  bool operator==(const Activation&) const = default;
  static const Activation linear, relu, relu6;
};
inline constexpr Activation Activation::linear{ActivationKind::linear};
inline constexpr Activation Activation::relu{ActivationKind::relu};
inline constexpr Activation Activation::relu6{ActivationKind::relu6};

// Elementwise over n floats; dst may be src, and diff_src may be diff_dst.
void activation_forward(const Activation& activation, int64_t n, const float* src, float* dst);
void activation_backward(const Activation& activation, int64_t n, const float* dst,
                         const float* diff_dst, float* diff_src);

}  // namespace cnnx
