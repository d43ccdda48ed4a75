#pragma once

#include <cstdint>

namespace cnnx {

struct AffineDims {
  int64_t mb, h, w, c;  // images; src and dst are (mb, h, w, c)
};

// What lies outside the image: zeros, its nearest pixel, its mirror image, or its copy.
enum class FillMode { kConstant, kNearest, kReflect, kWrap };

// dst[n, y, x] is src[n] at row a y + b x + c and column d y + e x + f, interpolated between the
// four pixels around, where {a, b, c, d, e, f} = transforms[n]: finite, of at most 2^30.
void affine_forward(const AffineDims& dims, FillMode fill, const float* transforms,
                    const float* src, float* dst);
void affine_backward_data(const AffineDims& dims, FillMode fill, const float* transforms,
                          const float* diff_dst, float* diff_src);

}  // namespace cnnx
