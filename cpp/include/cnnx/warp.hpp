#pragma once

#include <cstdint>

namespace cnnx {

struct PictureDims {
  int64_t mb, h, w, c;  // pictures; src and dst are (mb, h, w, c)
};

// What lies outside the picture: a number, its nearest pixel, its mirror image, or its copy.
enum class FillMode { kConstant, kNearest, kReflect, kWrap };

// How a value between pixels is found: linearly between the four around it, or as the nearest.
struct Sampling {
  FillMode fill = FillMode::kConstant;
  bool linear = true;
  float value = 0.0f;  // outside, where fill is kConstant
};

constexpr int64_t kWarpNumbers = 8;

// dst[n, y, x] is src[n] at row (a y + b x + c) / k and column (d y + e x + f) / k with
// k = g y + h x + 1, where {a, b, c, d, e, f, g, h} = transforms[n]: finite, of at most 2^30.
void warp_forward(const PictureDims& dims, const Sampling& sampling, const float* transforms,
                  const float* src, float* dst);
void warp_backward_data(const PictureDims& dims, const Sampling& sampling, const float* transforms,
                        const float* diff_dst, float* diff_src);

// One picture of (h, w, c), in the calling thread.
void warp_picture(const PictureDims& dims, const Sampling& sampling, const float* transform,
                  const float* src, float* dst);

}  // namespace cnnx
