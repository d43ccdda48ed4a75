#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace cnnx {

// A picture (h, w, bytes) and the size (oh, ow, c) that it is stretched to. Pixels are one byte of
// grey, for each of c = 1 or 3 channels, or c = 3 bytes and one that means nothing.
struct StretchDims {
  int64_t h, w, bytes, oh, ow, c;
};

// What is stretched, in pixels. A pixel that it covers in part counts by that part.
struct StretchBox {
  double left, top, right, bottom;
};

// For each of some output pixels in a line, the first input that it sees and the shares of `taps`
// inputs from there on, as whole numbers that sum to 2^22; 0 past the picture's end.
struct StretchShares {
  int64_t taps;
  std::vector<int64_t> first, count;
  std::vector<int32_t> shares;
};

// Stretches a picture by averaging the pixels that fall together: each output is the sum of inputs
// weighed by a triangle, which is as wide as one output on either side of it, at least one input.
// Averages along rows come first, then those along columns; both are rounded to bytes. So does
// Pillow's resize with the filter BILINEAR (from version 13 on, columns first where that is less
// work, so that the last bit may differ). The rows of the picture are handed in from above to
// below.
class PictureStretch {
 public:
  using Output = std::variant<uint8_t*, float*>;  // (oh, ow, c)

  PictureStretch(const StretchDims& dims, const StretchBox& box, Output dst);

  const StretchDims& dims() const { return dims_; }
  int64_t rows_taken() const { return row_; }

  // Takes the next rows of the picture, at most those that are left, and writes the rows of dst
  // that they complete.
  void take(int64_t rows, const uint8_t* src);

 private:
  void write_row();

  StretchDims dims_;
  Output dst_;
  StretchShares rows_, columns_;
  std::vector<int32_t> lanes_;        // the shares of columns_ as the kernel reads them
  std::vector<uint8_t> stretched_;    // the last rows_.taps rows of the picture, each of ow pixels
  std::vector<const uint8_t*> seen_;  // rows that an output row sees
  std::vector<uint8_t> mixed_;        // an output row
  int64_t row_ = 0, out_row_ = 0;
};

}  // namespace cnnx
