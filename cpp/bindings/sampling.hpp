#pragma once

#include <cmath>
#include <string>

#include "array_view.hpp"
#include "cnnx/warp.hpp"

namespace cnnx::bindings {

inline Sampling sampling_of(const Arguments& args, const std::string& fill_mode,
                            const std::string& interpolation, float fill_value) {
  Sampling result{.linear = interpolation == "bilinear", .value = fill_value};
  args.require(result.linear || interpolation == "nearest", "interpolation",
               "must be bilinear or nearest, got " + interpolation);
  if (fill_mode == "nearest") {
    result.fill = FillMode::kNearest;
  } else if (fill_mode == "reflect") {
    result.fill = FillMode::kReflect;
  } else if (fill_mode == "wrap") {
    result.fill = FillMode::kWrap;
  } else {
    args.require(fill_mode == "constant", "fill_mode",
                 "must be constant, nearest, reflect or wrap, got " + fill_mode);
  }
  return result;
}

// Numbers that say where pixels come from: finite, of at most 2^30.
inline void require_places(const Arguments& args, const float* numbers, int64_t count,
                           const char* name) {
  for (int64_t i = 0; i < count; ++i) {
    args.require(std::abs(numbers[i]) <= 0x1p30f, name, "must be finite, of at most 2^30");
  }
}

// (n, h, w, c) with a pixel at least.
inline PictureDims pictures_of(const Arguments& args, const py::array& array, const char* name) {
  const auto [mb, h, w, c] = args.shape<4>(array, name);
  args.require(h > 0 && w > 0, name, "has no pixels");
  return {.mb = mb, .h = h, .w = w, .c = c};
}

}  // namespace cnnx::bindings
