#pragma once

#include <cstdint>

namespace cnnx {

// Of so few numbers that they may be added up in float32.
struct NormKernels {
  float (*sum_of_magnitudes)(int64_t n, const float* src);
  float (*sum_of_squares)(int64_t n, const float* src);
  // diff_src += sign_factor sign(src) + factor src
  void (*add_penalty_gradient)(int64_t n, float sign_factor, float factor, const float* src,
                               float* diff_src);
};

}  // namespace cnnx
