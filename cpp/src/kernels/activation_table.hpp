#pragma once

#include <cstdint>

namespace cnnx {

// Elementwise; `parameters` holds three floats.
struct ActivationKernel {
  void (*forward)(int64_t n, const float* parameters, const float* src, float* dst);
  void (*backward)(int64_t n, const float* parameters, const float* dst, const float* diff_dst,
                   float* diff_src);
};

constexpr int kActivations = 27;
struct ActivationKernels {
  ActivationKernel of[kActivations];  // by ActivationKind
};

}  // namespace cnnx
