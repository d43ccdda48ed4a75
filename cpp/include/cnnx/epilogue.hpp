#pragma once

#include <cstdint>

#include "cnnx/activation.hpp"

namespace cnnx {

// What follows an operation in the same pass, while its rows are in the cache: the addition of
// another array, or 2x2 max pooling, stride 2, of the whole windows; then an activation. All
// activations grow with x, so that pooling before one gives the same outputs as pooling after it,
// for a quarter of the work.
struct Epilogue {
  // Shaped as dst, or null. It must not be dst: some outputs are computed twice. Not with pooling.
  const float* addend = nullptr;
  Activation activation = Activation::linear;
  bool pool = false;
  // If pooled, for every output which pixel of its window it was: 0 1 above, 2 3 below, or 4 where
  // a ReLU made it 0 and no gradient passes. Null where there will be no backward pass.
  uint8_t* codes = nullptr;
};

}  // namespace cnnx
