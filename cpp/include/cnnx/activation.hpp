#pragma once

#include <cstdint>

namespace cnnx {

enum class Activation {
  linear,       // x
  relu,         // max(x, 0); its derivative at 0 is 0
  sigmoid,      // 1 / (1 + e^-x)
  tanh,         //
  arctan,       // its derivative is cos^2 dst, within 6e-8 of the exact one even near +-pi / 2
  elu,          // x, below 0 e^x - 1
  leaky_relu,   // x, below 0 0.2 x; its derivative at 0 is 0.2
  softplus,     // log(1 + e^x)
  exponential,  // e^x
  relu6,        // min(max(x, 0), 6); its derivative at 0 and 6 is 0
};

// Elementwise over n floats. Every derivative is written in terms of dst, so dst may be src, and
// diff_src may be diff_dst.
void activation_forward(Activation activation, int64_t n, const float* src, float* dst);
void activation_backward(Activation activation, int64_t n, const float* dst, const float* diff_dst,
                         float* diff_src);

}  // namespace cnnx
