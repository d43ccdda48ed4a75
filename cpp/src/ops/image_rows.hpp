#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/images.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/normalized_pixels.hpp"

namespace cnnx {

// NHWC images of h rows of w pixels of c floats, read row by row: as they lie in memory or
// normalised on the way or, if a pooling follows them, un-pooled. If the number is odd, the last
// row or pixel is in no window; its gradient is 0.
class ImageRows {
 public:
  ImageRows(Images images, int64_t h, int64_t w, int64_t c)
      : images_(images),
        window_rows_(images.codes == nullptr ? 1 : window_rows(images.pooling)),
        h_(h / window_rows_ * window_rows_),
        w_(images.codes == nullptr ? w : w / 2 * 2),
        c_(c) {}

  bool is_pooled() const { return images_.codes != nullptr; }
  bool is_normalized() const { return images_.normalization != nullptr; }
  bool in_memory() const { return !is_pooled() && !is_normalized(); }
  const float* at(int64_t image, int64_t y, int64_t x) const {
    return images_.data + ((image * h_ + y) * w_ + x) * c_;
  }

  // out = pixels [x, x + pixels) of row y; those outside the image are 0.
  void copy(int64_t image, int64_t y, int64_t x, int64_t pixels, float* out) const {
    const int64_t begin = std::clamp<int64_t>(x, 0, w_);
    const int64_t end = std::clamp<int64_t>(x + pixels, begin, w_);
    if (y < 0 || y >= h_ || begin == end) {
      std::fill_n(out, pixels * c_, 0.0f);
      return;
    }
    out = std::fill_n(out, (begin - x) * c_, 0.0f);
    if (in_memory()) {
      std::copy_n(at(image, y, begin), (end - begin) * c_, out);
    } else if (is_normalized()) {
      normalize_pixels(*images_.normalization, end - begin, c_, at(image, y, begin), out);
    } else {
      const int64_t row = (image * h_ + y) / window_rows_, window = row * (w_ / 2) * c_;
      kernels().pool2x2.backward(begin, end - begin, c_, static_cast<int>(y % window_rows_),
                                 images_.data + window, images_.codes + window, out);
    }
    std::fill_n(out + (end - begin) * c_, (x + pixels - end) * c_, 0.0f);
  }

 private:
  Images images_;
  int64_t window_rows_, h_, w_, c_;
};

}  // namespace cnnx
