#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "cnnx/conv2d.hpp"
#include "kernels/cache_line.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/image_rows.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

constexpr int64_t kL1Floats = 6144;  // 24 KiB that stay in L1 while they are read again and again

// Whether memory that is read or written is in the cache by then.
enum class Where { near, far };

// Memory that is needed later.
struct Later {
  const float* data;
  int64_t floats;
};

// What is fetched into the cache, a few lines at every step of the work before it.
class Ahead {
 public:
  Ahead(Later first, Later second, int64_t steps)
      : next_(first),
        then_(second),
        step_(ceil_div(first.floats + second.floats, std::max<int64_t>(steps, 1))) {}

  struct Lines {
    const float* data;
    int64_t count;
  };
  // At most so many at a step.
  int64_t lines() const { return ceil_div(step_, kLineFloats); }
  // The lines of a step.
  Lines take() {
    if (next_.floats <= 0) std::swap(next_, then_);
    const Lines lines = {next_.data, ceil_div(std::min(step_, next_.floats), kLineFloats)};
    next_.data += lines.count * kLineFloats;
    next_.floats -= lines.count * kLineFloats;
    return lines;
  }
  void fetch() {
    const Lines lines = take();
    for (int64_t i = 0; i < lines.count; ++i) {
      __builtin_prefetch(lines.data + i * kLineFloats, 0, 2);
    }
  }

 private:
  Later next_, then_;
  int64_t step_;
};

// Rows of a strip that stay in L1 together: some of one image, or those of whole images.
struct Piece {
  int64_t image, images, row, rows;
};

class Pieces {
 public:
  // Pieces of at most `most` rows, or of one.
  Pieces(int64_t images, int64_t rows, int64_t most)
      : images_(images),
        rows_(rows),
        together_(std::clamp<int64_t>(most / rows, 1, images)),
        parts_(ceil_div(rows, std::clamp<int64_t>(most, 1, rows))) {}

  int64_t count() const { return ceil_div(images_, together_) * parts_; }
  Piece operator[](int64_t i) const {
    const int64_t image = i / parts_ * together_, row = rows_ * (i % parts_) / parts_;
    return {.image = image,
            .images = std::min(together_, images_ - image),
            .row = row,
            .rows = rows_ * (i % parts_ + 1) / parts_ - row};
  }

 private:
  int64_t images_, rows_, together_, parts_;
};

// The parts into which the row of a signal is cut: images of one row, and a kernel of one row. A
// part stays in L1, and threads share out the parts of one image. The inputs of adjacent parts
// overlap. A part has a multiple of `pixels`. 1 leaves the row whole: if it is short, cannot be cut
// evenly, or if the overlap would be longer than a part.
inline int64_t row_parts(const Conv2dDims& d, int64_t pixels) {
  constexpr int64_t kLeastFloats = 2048;
  if (d.ih != 1 || d.oh != 1 || d.kh != 1 || d.pad_top != 0) return 1;
  const int64_t row = std::max(d.iw * d.ic, d.ow * d.oc);
  for (int64_t n = ceil_div(row, kL1Floats); n > 1 && row / n >= kLeastFloats; ++n) {
    if ((d.kw - 1) * d.dilation_w > d.ow / n * d.stride_w) return 1;
    if (d.ow % (n * pixels) == 0) return n;
  }
  return 1;
}
inline Conv2dDims with_row_parts(Conv2dDims d, int64_t parts) {
  d.oh *= parts, d.ow /= parts;
  return d;
}

// Whether padding becomes a copy with zeros around the image, or the kernels know where it ends.
enum class Borders { copied, in_place };

// The images of a convolution cut into strips of output rows, each with the input rows that it
// needs: some rows of one image, or a few whole images.
class Strips {
 public:
  static constexpr int64_t kLeastStrips = 16;  // enough to share out evenly

  // Strips have a multiple of `together` rows; there are `least` of them, or one for each. If a
  // row has several parts, dims are those of with_row_parts().
  Strips(const Conv2dDims& dims, Images src, int64_t together, int64_t least = kLeastStrips,
         Borders borders = Borders::copied, int64_t row_parts = 1)
      : d_(dims),
        parts_(row_parts),
        src_(src, d_.ih, d_.iw, d_.ic),
        width_((d_.ow - 1) * d_.stride_w + (d_.kw - 1) * d_.dilation_w + 1),
        copied_(borders == Borders::copied &&
                (row_parts > 1 || d_.pad_top != 0 || d_.pad_left != 0 || width_ > d_.iw ||
                 input_rows(d_.oh) > d_.ih || !src_.in_memory())) {
    const double input = static_cast<double>(width_) * static_cast<double>(d_.ic * d_.stride_h);
    const double row = std::max({input, static_cast<double>(d_.ow * d_.oc), 1.0});
    // Where weights are few, rows are used at once: they need not wait in L2 for the next ones.
    const bool few = d_.kh * d_.kw * d_.ic * d_.oc <= kFewWeights;
    const int64_t most = std::min(static_cast<int64_t>((few ? double{kL1Floats} : kFloats) / row),
                                  ceil_div(d_.mb * d_.oh, least));
    const int64_t parts =
        std::max<int64_t>(ceil_div(d_.oh, std::max(most / together * together, together)), 1);
    rows_ = std::max(ceil_div(ceil_div(d_.oh, parts), together), int64_t{1}) * together;
    images_ = std::max<int64_t>(rows_ < d_.oh ? 1 : most / std::max<int64_t>(d_.oh, 1), 1);
    per_image_ = ceil_div(d_.oh, rows_);
  }

  // Whether a thread's copy stays small: a wide dilation spreads even one row's input far, and a
  // wide stride spreads rows that are pooled together.
  bool fit() const {
    return !copied_ || static_cast<double>(input_rows(rows_)) * static_cast<double>(width_) *
                               static_cast<double>(d_.ic) <=
                           kMostCopied;
  }
  int64_t count() const { return ceil_div(d_.mb, images_) * per_image_; }
  int64_t most_rows() const { return images_ * rows_; }
  int64_t most_images() const { return images_; }
  int64_t first_row(int64_t strip) const { return strip % per_image_ * rows_; }
  int64_t first_image(int64_t strip) const { return strip / per_image_ * images_; }
  int64_t images(int64_t strip) const { return std::min(images_, d_.mb - first_image(strip)); }
  int64_t rows(int64_t strip) const { return std::min(rows_, d_.oh - first_row(strip)); }
  int64_t width() const { return width_; }  // pixels of input that a row of output needs
  int64_t input_rows(int64_t rows) const {
    return (rows - 1) * d_.stride_h + (d_.kh - 1) * d_.dilation_h + 1;
  }
  // Floats from one row of input to the next, and to the next image of a strip.
  int64_t row_stride() const { return (copied_ ? width_ : d_.iw) * d_.ic; }
  int64_t image_stride() const { return (copied_ ? input_rows(rows_) : d_.ih) * row_stride(); }
  int64_t scratch() const {
    return copied_ ? Scratchpad::padded(images_ * input_rows(rows_) * row_stride()) : 0;
  }

  // The input of a strip: where it lies, or its padded rows copied to `copy`.
  const float* input(int64_t strip, float* copy) const {
    const int64_t top = first_row(strip) * d_.stride_h - d_.pad_top, image = first_image(strip);
    if (!copied_) return src_.at(image, top, 0);
    const int64_t end = top + input_rows(rows(strip)), last = image + images(strip);
    for (int64_t n = image; n < last; ++n) {
      float* out = copy + (n - image) * image_stride();
      for (int64_t y = top; y < end; ++y, out += row_stride()) copy_row(n, y, out);
    }
    return copy;
  }

  // What the strip after this one will read.
  Later later(int64_t strip) const {
    const int64_t next = strip + 1;
    if (next == count() || src_.is_pooled()) return {nullptr, 0};
    if (parts_ > 1) {
      const int64_t begin = std::clamp<int64_t>(first_pixel(first_row(next)), 0, d_.iw);
      const int64_t end = std::min(first_pixel(first_row(next) + rows(next)), d_.iw);
      const int64_t pixels = (images(next) - 1) * d_.iw + std::max<int64_t>(end - begin, 0);
      return {src_.at(first_image(next), 0, begin), pixels * d_.ic};
    }
    const int64_t top = first_row(next) * d_.stride_h - d_.pad_top;
    const int64_t begin = std::clamp<int64_t>(top, 0, d_.ih);
    const int64_t end = std::clamp<int64_t>(top + input_rows(rows(next)), begin, d_.ih);
    const int64_t rows = (images(next) - 1) * d_.ih + end - begin;
    return {src_.at(first_image(next), begin, 0), rows * d_.iw * d_.ic};
  }

  // Row i of a strip's input with its padding, image after image.
  void copy_input_row(int64_t strip, int64_t i, float* out) const {
    const int64_t rows = input_rows(this->rows(strip));
    const int64_t top = first_row(strip) * d_.stride_h - d_.pad_top;
    copy_row(first_image(strip) + i / rows, top + i % rows, out);
  }

 private:
  // Of the input of a part of a row.
  int64_t first_pixel(int64_t part) const { return part * d_.ow * d_.stride_w - d_.pad_left; }
  void copy_row(int64_t image, int64_t y, float* out) const {
    if (parts_ > 1) {
      src_.copy(image, 0, first_pixel(y), width_, out);
    } else {
      src_.copy(image, y, -d_.pad_left, width_, out);
    }
  }

  static constexpr double kFloats = 1 << 16;  // 256 KiB: half of a small L2
  static constexpr int64_t kFewWeights = 2048;
  static constexpr double kMostCopied = 1 << 22;  // floats of a strip's input rows

  Conv2dDims d_;
  int64_t parts_;
  ImageRows src_;
  int64_t width_;
  bool copied_;
  int64_t rows_, images_, per_image_;
};

}  // namespace cnnx
