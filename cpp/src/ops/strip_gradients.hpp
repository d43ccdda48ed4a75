#pragma once

#include "ops/image_rows.hpp"
#include "ops/strips.hpp"

namespace cnnx {

// The gradients of the output rows of strips: where they lie, or un-pooled to scratch.
class StripGradients {
 public:
  StripGradients(const Conv2dDims& dims, Images diff_dst, const Strips& strips)
      : width_(dims.ow),
        row_(dims.ow * dims.oc),
        rows_(diff_dst, dims.oh, dims.ow, dims.oc),
        strips_(strips) {}

  int64_t scratch() const {
    return rows_.in_memory() ? 0 : Scratchpad::padded(strips_.most_rows() * row_);
  }
  const float* of(int64_t strip, float* unpooled) const {
    const int64_t image = strips_.first_image(strip), first = strips_.first_row(strip);
    if (rows_.in_memory()) return rows_.at(image, first, 0);
    const int64_t images = strips_.images(strip), rows = strips_.rows(strip);
    float* out = unpooled;
    for (int64_t n = 0; n < images; ++n) {
      for (int64_t y = 0; y < rows; ++y, out += row_) {
        rows_.copy(image + n, first + y, 0, width_, out);
      }
    }
    return unpooled;
  }
  // Row i of a strip, image after image.
  const float* row(int64_t strip, int64_t i, float* unpooled) const {
    const int64_t image = strips_.first_image(strip) + i / strips_.rows(strip);
    const int64_t y = strips_.first_row(strip) + i % strips_.rows(strip);
    if (rows_.in_memory()) return rows_.at(image, y, 0);
    rows_.copy(image, y, 0, width_, unpooled);
    return unpooled;
  }

  // What the strip after this one will read.
  Later later(int64_t strip) const {
    const int64_t next = strip + 1;
    if (next == strips_.count() || !rows_.in_memory()) return {nullptr, 0};
    return {rows_.at(strips_.first_image(next), strips_.first_row(next), 0),
            strips_.images(next) * strips_.rows(next) * row_};
  }

 private:
  int64_t width_, row_;
  ImageRows rows_;
  Strips strips_;
};

}  // namespace cnnx
