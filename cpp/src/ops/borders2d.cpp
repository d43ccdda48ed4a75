#include "cnnx/borders2d.hpp"

#include <algorithm>

#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

// Where row y of the inner image n begins in the images with borders.
int64_t inner_row(const Borders2dDims& d, int64_t n, int64_t y) {
  return ((n * d.h + d.top + y) * d.w + d.left) * d.c;
}

}  // namespace

void zero_pad2d(const Borders2dDims& d, const float* src, float* dst) {
  const int64_t rows = d.mb * d.h, row = d.w * d.c, inner = d.inner_w * d.c;
  parallel_for(threads_for_rows(rows, row), rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / d.h, y = i % d.h - d.top;
      float* const out = dst + i * row;
      if (y < 0 || y >= d.inner_h) {
        std::fill_n(out, row, 0.0f);
        continue;
      }
      float* const left = std::fill_n(out, d.left * d.c, 0.0f);
      float* const right = std::copy_n(src + (n * d.inner_h + y) * inner, inner, left);
      std::fill(right, out + row, 0.0f);
    }
  });
}

void crop2d(const Borders2dDims& d, const float* src, float* dst) {
  const int64_t rows = d.mb * d.inner_h, inner = d.inner_w * d.c;
  parallel_for(threads_for_rows(rows, inner), rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(src + inner_row(d, i / d.inner_h, i % d.inner_h), inner, dst + i * inner);
    }
  });
}

}  // namespace cnnx
