#pragma once

#include <cstdint>

namespace cnnx {

// Images with borders (mb, h, w, c), and what lies inside them (mb, inner_h, inner_w, c), from
// pixel (top, left) on.
struct Borders2dDims {
  int64_t mb, h, w, c;
  int64_t inner_h, inner_w;
  int64_t top, left;
};

// Puts zeros around src (mb, inner_h, inner_w, c); the gradient is crop2d's.
void zero_pad2d(const Borders2dDims& dims, const float* src, float* dst);
// Cuts the borders off src (mb, h, w, c); the gradient is zero_pad2d's.
void crop2d(const Borders2dDims& dims, const float* src, float* dst);

}  // namespace cnnx
