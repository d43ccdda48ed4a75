#pragma once

#include <cstdint>

namespace cnnx {

// src (mb, h, w, c), dst (mb, factor_h * h, factor_w * w, c).
struct Upsample2dDims {
  int64_t mb, h, w, c;
  int64_t factor_h, factor_w;
};

// Nearest repeats each pixel. Bilinear interpolates between the centres of the pixels: that of
// pixel y of dst lies at (y + 1/2) / factor - 1/2 of src, and outside of src its outermost pixels
// go on.
enum class Interpolation { kNearest, kBilinear };

void upsample2d_forward(const Upsample2dDims& dims, Interpolation interpolation, const float* src,
                        float* dst);
void upsample2d_backward(const Upsample2dDims& dims, Interpolation interpolation,
                         const float* diff_dst, float* diff_src);

}  // namespace cnnx
