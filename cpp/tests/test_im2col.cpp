#include <gtest/gtest.h>

#include <numeric>

#include "cnnx/im2col.hpp"
#include "random_floats.hpp"

namespace cnnx {
namespace {

// The element that im2col should find, straight from the definition.
float tap(const Conv2dDims& d, const std::vector<float>& src, int64_t group, int64_t pixel,
          int64_t column) {
  const int64_t channels = d.ic / d.groups;
  const int64_t c = column % channels, kx = column / channels % d.kw, ky = column / channels / d.kw;
  const int64_t ox = pixel % d.ow, oy = pixel / d.ow % d.oh, n = pixel / d.ow / d.oh;
  const int64_t iy = oy * d.stride_h - d.pad_top + ky * d.dilation_h;
  const int64_t ix = ox * d.stride_w - d.pad_left + kx * d.dilation_w;
  if (iy < 0 || iy >= d.ih || ix < 0 || ix >= d.iw) return 0.0f;
  return src[((n * d.ih + iy) * d.iw + ix) * d.ic + group * channels + c];
}

constexpr Conv2dDims kStridedDilatedGrouped = {.mb = 2,
                                               .ih = 7,
                                               .iw = 9,
                                               .ic = 6,
                                               .oh = 4,
                                               .ow = 3,
                                               .oc = 4,
                                               .kh = 3,
                                               .kw = 2,
                                               .stride_h = 2,
                                               .stride_w = 3,
                                               .pad_top = 2,
                                               .pad_left = 1,
                                               .dilation_h = 2,
                                               .dilation_w = 3,
                                               .groups = 2};

TEST(Im2col, TakesEveryTapAndZerosOutside) {
  const Conv2dDims& d = kStridedDilatedGrouped;
  const auto src = test::random_floats(d.mb * d.ih * d.iw * d.ic, 1);
  const int64_t k = d.kh * d.kw * d.ic / d.groups, begin = 5, end = 20;  // starts inside a row
  for (int64_t group = 0; group < d.groups; ++group) {
    std::vector<float> col((end - begin) * k, -1.0f);
    im2col(d, group, src.data(), begin, end, col.data());
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      for (int64_t j = 0; j < k; ++j) {
        ASSERT_EQ(col[(pixel - begin) * k + j], tap(d, src, group, pixel, j));
      }
    }
  }
}

// <im2col(x), y> = <x, col2im(y)> for whole numbers, exactly.
TEST(Im2col, Col2imIsItsAdjoint) {
  const Conv2dDims& d = kStridedDilatedGrouped;
  const int64_t pixels = d.mb * d.oh * d.ow, k = d.kh * d.kw * d.ic / d.groups;
  const auto x = test::whole_floats(d.mb * d.ih * d.iw * d.ic, 2);
  const auto y = test::whole_floats(pixels * k, 3);
  for (int64_t group = 0; group < d.groups; ++group) {
    std::vector<float> col(y.size()), back(x.size(), 0.0f);
    im2col(d, group, x.data(), 0, pixels, col.data());
    col2im(d, group, y.data(), 0, pixels, back.data());
    EXPECT_EQ(std::inner_product(col.begin(), col.end(), y.begin(), 0.0),
              std::inner_product(x.begin(), x.end(), back.begin(), 0.0));
  }
}

}  // namespace
}  // namespace cnnx
