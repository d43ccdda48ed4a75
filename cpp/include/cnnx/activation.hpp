#pragma once

#include <cstdint>

namespace cnnx {

enum class Activation {
  linear,        // x
  relu,          // max(x, 0); its derivative at 0 is 0
  sigmoid,       // 1 / (1 + e^-x)
  tanh,          //
  arctan,        // its derivative is cos^2 dst, within 6e-8 of the exact one even near +-pi / 2
  elu,           // x, below 0 e^x - 1
  leaky_relu,    // x, below 0 0.2 x; its derivative at 0 is 0.2
  softplus,      // log(1 + e^x)
  exponential,   // e^x
  relu6,         // min(max(x, 0), 6); its derivative at 0 and 6 is 0
  hard_sigmoid,  // min(max(x + 3, 0), 6) / 6; its derivative at -3 and 3 is 0
  silu,          // x / (1 + e^-x)
  hard_silu,     // x min(max(x + 3, 0), 6) / 6
};

// Elementwise over n floats; dst may be src, and diff_src may be diff_dst. Derivatives are written
// in terms of dst, but for silu and hard_silu, which fall before they rise: they take src for dst.
void activation_forward(Activation activation, int64_t n, const float* src, float* dst);
void activation_backward(Activation activation, int64_t n, const float* dst, const float* diff_dst,
                         float* diff_src);

}  // namespace cnnx
