#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/kernel_table.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// A 3x3 kernel of stride 2 has fewer points than one of stride 1: a thread takes more tiles at
// once.
inline WinogradTiles stride2_tiles(const Conv2dDims& d, int64_t tile) {
  return {d, tile, 72, 256 * 256};
}

// Images of h rows of w pixels of c floats, seen in square patches of at most 5x5 pixels, in their
// order or against it.
class Stride2Patches {
 public:
  Stride2Patches(const float* images, int64_t h, int64_t w, int64_t c)
      : images_(images), h_(h), w_(w), c_(c) {}

  // Scratch for pixels outside the image.
  int64_t scratch() const { return Scratchpad::padded(kMost * c_); }
  void use(Scratchpad& scratchpad) {
    float* const zeros = scratchpad.take(scratch());
    std::fill_n(zeros, scratch(), 0.0f);
    zeros_ = zeros;
  }

  // size x size pixels from pixel (y, x) on, which may lie outside the image.
  Stride2Patch patch(int64_t image, int64_t y, int64_t x, int64_t size, bool y_mirrored = false,
                     bool x_mirrored = false) const {
    Stride2Patch patch;
    const int64_t first = x_mirrored ? (size - 1) * c_ : 0;
    for (int64_t i = 0; i < size; ++i) {
      const int64_t row = y_mirrored ? y + size - 1 - i : y + i;
      const bool inside = row >= 0 && row < h_;
      patch.rows[i] = (inside ? images_ + ((image * h_ + row) * w_ + x) * c_ : zeros_) + first;
    }
    patch.pixel_stride = x_mirrored ? -c_ : c_;
    const int64_t begin = std::clamp<int64_t>(-x, 0, size);
    const int64_t end = std::clamp<int64_t>(w_ - x, begin, size);
    patch.begin = x_mirrored ? size - end : begin;
    patch.end = x_mirrored ? size - begin : end;
    return patch;
  }

 private:
  static constexpr int64_t kMost = 5;

  const float* images_;
  int64_t h_, w_, c_;
  const float* zeros_ = nullptr;
};

}  // namespace cnnx
