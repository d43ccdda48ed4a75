#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cnnx/conv2d.hpp"
#include "random_floats.hpp"

namespace cnnx::test {

// Visits every product of a convolution: the indices of the pixel, the weight and the output.
template <typename Visit>
void for_each_product(const Conv2dDims& d, Visit visit) {
  const int64_t icg = d.ic / d.groups, ocg = d.oc / d.groups;
  for (int64_t n = 0; n < d.mb; ++n)
    for (int64_t oy = 0; oy < d.oh; ++oy)
      for (int64_t ox = 0; ox < d.ow; ++ox)
        for (int64_t o = 0; o < d.oc; ++o)
          for (int64_t ky = 0; ky < d.kh; ++ky)
            for (int64_t kx = 0; kx < d.kw; ++kx)
              for (int64_t c = 0; c < icg; ++c) {
                const int64_t iy = oy * d.stride_h - d.pad_top + ky * d.dilation_h;
                const int64_t ix = ox * d.stride_w - d.pad_left + kx * d.dilation_w;
                if (iy < 0 || iy >= d.ih || ix < 0 || ix >= d.iw) continue;
                const int64_t tap = d.rotated ? d.kh * d.kw - 1 - (ky * d.kw + kx) : ky * d.kw + kx;
                visit(((n * d.ih + iy) * d.iw + ix) * d.ic + o / ocg * icg + c,
                      (tap * icg + c) * d.oc + o, ((n * d.oh + oy) * d.ow + ox) * d.oc + o);
              }
}

// A convolution of whole numbers: what goes in, and what its definition makes of it.
struct DefinedConvolution {
  explicit DefinedConvolution(const Conv2dDims& d)
      : src(whole_floats(d.mb * d.ih * d.iw * d.ic, 1)),
        weights(whole_floats(d.kh * d.kw * d.ic / d.groups * d.oc, 2)),
        bias(whole_floats(d.oc, 3)),
        diff_dst(whole_floats(d.mb * d.oh * d.ow * d.oc, 4)),
        dst(diff_dst.size()),
        diff_src(src.size()),
        diff_weights(weights.size()),
        diff_bias(bias.size()) {
    for (size_t i = 0; i < dst.size(); ++i) {
      dst[i] = bias[i % d.oc];
      diff_bias[i % d.oc] += diff_dst[i];
    }
    for_each_product(d, [&](int64_t s, int64_t w, int64_t o) {
      dst[o] += src[s] * weights[w];
      diff_src[s] += diff_dst[o] * weights[w];
      diff_weights[w] += diff_dst[o] * src[s];
    });
  }

  std::vector<float> src, weights, bias, diff_dst;
  std::vector<float> dst, diff_src, diff_weights, diff_bias;
};

// Of whole numbers every pass is exact, whatever the order of its sums, but for Winograd's factors.
inline bool is_as_defined(const std::vector<float>& got, const std::vector<float>& expected) {
  if (conv_algorithm() != "winograd") return got == expected;
  float largest = 0.0f;
  for (float value : expected) largest = std::max(largest, std::abs(value));
  return std::equal(got.begin(), got.end(), expected.begin(), expected.end(),
                    [=](float a, float b) { return std::abs(a - b) <= 1e-5f * largest; });
}

}  // namespace cnnx::test
