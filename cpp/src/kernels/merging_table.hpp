#pragma once

#include <cstdint>

namespace cnnx {

// Elementwise over floats [first, first + n) of `count` arrays, at least one. Results may be any of
// the inputs.
struct MergingKernels {
  void (*add)(int64_t n, const float* a, const float* b, float* dst);
  // dst = the sum of factors[k] * srcs[k]
  void (*weighted_sum)(int64_t n, int64_t count, const float* const* srcs, int64_t first,
                       const float* factors, float* dst);
  // The same of n floats of rows that are row_stride floats apart.
  void (*weighted_rows)(int64_t n, int64_t count, const float* src, int64_t row_stride,
                        const float* factors, float* dst);
  void (*product)(int64_t n, int64_t count, const float* const* srcs, int64_t first, float* dst);
  void (*maximum)(int64_t n, int64_t count, const float* const* srcs, int64_t first, float* dst);
  // diff_srcs[k], unless it is null, = diff_dst where srcs[k] is the first of the largest, else 0
  void (*maximum_backward)(int64_t n, int64_t count, const float* const* srcs, int64_t first,
                           const float* diff_dst, float* const* diff_srcs);
};

}  // namespace cnnx
