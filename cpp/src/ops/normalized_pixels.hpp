#pragma once

#include <cstdint>

#include "cnnx/images.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/activation.hpp"

namespace cnnx {

// The kernels that do the activation on the way, or null.
inline const NormalizationKernels* rectifying(const Activation& activation) {
  const BatchNormKernels& kernel = kernels().batch_norm;
  if (activation == Activation::linear) return &kernel.linear;
  if (activation == Activation::relu) return &kernel.relu;
  return activation == Activation::relu6 ? &kernel.relu6 : nullptr;
}

// out = what a normalisation makes of adjacent pixels of c channels.
inline void normalize_pixels(const Normalization& normalization, int64_t pixels, int64_t c,
                             const float* src, float* out) {
  const Activation& activation = normalization.activation;
  const NormalizationKernels* const kernel = rectifying(activation);
  const NormalizedColumns columns = {normalization.mean, normalization.scale, normalization.shift};
  (kernel == nullptr ? kernels().batch_norm.linear : *kernel)
      .forward(pixels, c, src, nullptr, columns, out);
  if (kernel == nullptr) ActivationCall(activation).forward(pixels * c, out, out);
}

}  // namespace cnnx
