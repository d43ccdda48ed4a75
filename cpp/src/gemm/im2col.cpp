#include "cnnx/im2col.hpp"

#include <algorithm>

namespace cnnx {
namespace {

constexpr int64_t kPadding = -1;

// Calls visit(pixel, col, floats) for the runs that make up the patches [begin, end), in their
// order in col. pixel is a run's offset in src, or kPadding. The taps of a kernel row lie side by
// side in src unless dilation or groups part them.
template <typename Visit>
void for_each_run(const Conv2dDims& d, int64_t group, int64_t begin, int64_t end, Visit visit) {
  const int64_t channels = d.ic / d.groups;
  const bool side_by_side = d.groups == 1 && d.dilation_w == 1;
  int64_t col = 0;
  const auto emit = [&](int64_t pixel, int64_t floats) {
    if (floats > 0) visit(pixel, col, floats);
    col += floats;
  };
  int64_t ox = begin % d.ow, oy = begin / d.ow % d.oh, n = begin / (d.ow * d.oh);
  for (int64_t output = begin; output < end; ++output) {
    const int64_t top = oy * d.stride_h - d.pad_top, left = ox * d.stride_w - d.pad_left;
    // The taps [first, last) of a kernel row fall inside the image.
    const int64_t first = std::min(left >= 0 ? 0 : (-left + d.dilation_w - 1) / d.dilation_w, d.kw);
    const int64_t last =
        std::max(first, std::min(left >= d.iw ? 0 : (d.iw - 1 - left) / d.dilation_w + 1, d.kw));
    for (int64_t ky = 0; ky < d.kh; ++ky) {
      const int64_t iy = top + ky * d.dilation_h;
      if (iy < 0 || iy >= d.ih) {
        emit(kPadding, d.kw * channels);
        continue;
      }
      const int64_t row = (n * d.ih + iy) * d.iw * d.ic + group * channels;
      emit(kPadding, first * channels);
      if (side_by_side) {
        emit(row + (left + first) * d.ic, (last - first) * channels);
      } else {
        for (int64_t kx = first; kx < last; ++kx) {
          emit(row + (left + kx * d.dilation_w) * d.ic, channels);
        }
      }
      emit(kPadding, (d.kw - last) * channels);
    }
    if (++ox == d.ow) {
      ox = 0;
      if (++oy == d.oh) oy = 0, ++n;
    }
  }
}

}  // namespace

void im2col(const Conv2dDims& d, int64_t group, const float* src, int64_t begin, int64_t end,
            float* col) {
  for_each_run(d, group, begin, end, [=](int64_t pixel, int64_t offset, int64_t floats) {
    float* const out = col + offset;
    if (pixel == kPadding) {
      for (int64_t i = 0; i < floats; ++i) out[i] = 0.0f;
    } else {
      for (int64_t i = 0; i < floats; ++i) out[i] = src[pixel + i];
    }
  });
}

void col2im(const Conv2dDims& d, int64_t group, const float* col, int64_t begin, int64_t end,
            float* diff_src) {
  for_each_run(d, group, begin, end, [=](int64_t pixel, int64_t offset, int64_t floats) {
    if (pixel == kPadding) return;
    for (int64_t i = 0; i < floats; ++i) diff_src[pixel + i] += col[offset + i];
  });
}

}  // namespace cnnx
