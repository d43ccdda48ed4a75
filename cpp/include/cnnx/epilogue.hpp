#pragma once

#include <cstdint>

#include "cnnx/activation.hpp"

namespace cnnx {

// Max pooling of whole windows side by side: of pairs of pixels in a row, or of 2x2 pixels. The
// value is the number of rows of a window.
enum class Pooling : int64_t { none = 0, pairs = 1, squares = 2 };

constexpr int64_t window_rows(Pooling pooling) { return static_cast<int64_t>(pooling); }

// What follows an operation in the same pass, while its rows are in the cache: the addition of
// another array, or max pooling; then an activation. All activations grow with x, so that pooling
// before one gives the same outputs as pooling after it, for a quarter or half of the work.
struct Epilogue {
  // Shaped as dst, or null. It must not be dst: some outputs are computed twice. Not with pooling.
  const float* addend = nullptr;
  Activation activation = Activation::linear;
  Pooling pool = Pooling::none;
  // If pooled, for every output which pixel of its window it was: 0 1 above, 2 3 below, or 4 where
  // a ReLU made it 0 and no gradient passes. Null where there will be no backward pass.
  uint8_t* codes = nullptr;
};

}  // namespace cnnx
