#pragma once

#include <cstdint>

#include "cnnx/pictures.hpp"

namespace cnnx {

// Operations that read src and write dst, which may be src, pixel by pixel; p holds their numbers.
struct Pixels {
  int64_t count, channels;
  ValueRange range;
  const float* src;
  float* dst;
};

void brightness(const Pixels& pixels, const float* p);
void contrast(const Pixels& pixels, const float* p);
void saturation(const Pixels& pixels, const float* p);
void hue(const Pixels& pixels, const float* p);
void gray(const Pixels& pixels, const float* p);
void invert(const Pixels& pixels, const float* p);
void posterize(const Pixels& pixels, const float* p);
void solarize(const Pixels& pixels, const float* p);
void auto_contrast(const Pixels& pixels, const float* p);
void equalize(const Pixels& pixels, const float* p);

}  // namespace cnnx
