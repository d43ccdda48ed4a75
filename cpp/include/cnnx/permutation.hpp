#pragma once

#include <cstdint>

namespace cnnx {

// src (outer, rows, columns, inner), dst (outer, columns, rows, inner).
struct SwapDims {
  int64_t outer, rows, columns, inner;
};

void swap_axes(const SwapDims& dims, const float* src, float* dst);

}  // namespace cnnx
