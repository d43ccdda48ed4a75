#pragma once

#include <cstdint>

#include "cnnx/conv2d.hpp"

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

}  // namespace cnnx::test
