#pragma once

#include <cstdint>

#include "cnnx/images.hpp"
#include "kernels/kernel_table.hpp"

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
  const NormalizedColumns columns = {normalization.mean, normalization.scale, normalization.shift};
  rectifying(normalization.activation)->forward(pixels, c, src, nullptr, columns, out);
}

}  // namespace cnnx
