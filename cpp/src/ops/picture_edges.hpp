#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/warp.hpp"

namespace cnnx {

// The pixel of [0, n) that stands for pixel i, or -1 for none.
inline int64_t inside(int64_t i, int64_t n, FillMode fill) {
  if (i >= 0 && i < n) return i;
  switch (fill) {
    case FillMode::kNearest:
      return i < 0 ? 0 : n - 1;
    case FillMode::kReflect: {
      const int64_t phase = (i % (2 * n) + 2 * n) % (2 * n);
      return std::min(phase, 2 * n - 1 - phase);
    }
    case FillMode::kWrap:
      return (i % n + n) % n;
    case FillMode::kConstant:
      break;
  }
  return -1;
}

}  // namespace cnnx
