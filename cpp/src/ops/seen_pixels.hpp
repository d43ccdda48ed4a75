#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/images.hpp"
#include "ops/image_rows.hpp"
#include "ops/strips.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// The pixels of all images that a 1x1 kernel sees, one after the other: rows x cols of each image.
// Where an image is un-pooled or normalised on the way, the strides are 1.
class SeenPixels {
 public:
  SeenPixels(Images images, int64_t mb, int64_t h, int64_t w, int64_t c, int64_t rows, int64_t cols,
             int64_t stride_h, int64_t stride_w)
      : rows_(images, h, w, c),
        count_(mb * rows * cols),
        c_(c),
        rows_of_image_(rows),
        cols_(cols),
        stride_h_(stride_h),
        stride_w_(stride_w),
        whole_(images.codes == nullptr && rows == h && cols == w) {}

  int64_t count() const { return count_; }
  int64_t channels() const { return c_; }
  // Whether they lie side by side in memory.
  bool adjacent() const { return whole_ && rows_.in_memory(); }
  const float* at(int64_t pixel) const { return rows_.at(0, 0, 0) + pixel * c_; }
  Later later(int64_t begin, int64_t end) const {
    return whole_ ? Later{at(begin), (end - begin) * c_} : Later{nullptr, 0};
  }

  // Scratch that `read` takes for so many pixels.
  int64_t scratch(int64_t pixels) const { return adjacent() ? 0 : Scratchpad::padded(pixels * c_); }
  // Pixels [begin, end) side by side: where they lie, or copied to `copy`.
  const float* read(int64_t begin, int64_t end, float* copy) const {
    if (adjacent()) return at(begin);
    for (int64_t p = begin; p < end;) {
      const int64_t row = p / cols_, x = p % cols_, count = std::min(end - p, cols_ - x);
      const int64_t image = row / rows_of_image_, y = row % rows_of_image_;
      float* const to = copy + (p - begin) * c_;
      if (rows_.in_memory()) {
        const float* const from = rows_.at(image, y * stride_h_, x * stride_w_);
        for (int64_t i = 0; i < count; ++i) std::copy_n(from + i * stride_w_ * c_, c_, to + i * c_);
      } else {
        rows_.copy(image, y, x, count, to);
      }
      p += count;
    }
    return copy;
  }

 private:
  ImageRows rows_;
  int64_t count_, c_, rows_of_image_, cols_, stride_h_, stride_w_;
  bool whole_;
};

}  // namespace cnnx
