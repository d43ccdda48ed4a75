#pragma once

#include <cstdint>

namespace cnnx {

// Columns normalised: scale * (src - mean) + shift.
struct NormalizedColumns {
  const float *mean, *scale, *shift;
};

// Contiguous (rows, c) matrices of normalised columns, or of what a rectifier makes of them.
struct NormalizationKernels {
  // dst = the columns + addend, unless it is null
  void (*forward)(int64_t rows, int64_t c, const float* src, const float* addend,
                  const NormalizedColumns& columns, float* dst);
  // adds the sums of the gradient and of the gradient * (src - mean)
  void (*add_sums)(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                   const NormalizedColumns& columns, float* sums, float* products);
  // diff_src = scale * gradient + slope * (src - mean) + offset
  void (*backward)(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                   const NormalizedColumns& columns, const float* slope, const float* offset,
                   float* diff_src);
};

// Contiguous (rows, c) matrices; the other arguments have one float a column. add_... add to their
// sums, row after row.
struct BatchNormKernels {
  void (*add_column_sums)(int64_t rows, int64_t c, const float* src, float* sums);
  // of src - mean and of its square
  void (*add_deviations)(int64_t rows, int64_t c, const float* src, const float* mean, float* sums,
                         float* squares);
  NormalizationKernels linear, relu, relu6;
};

struct RowStatistics {
  float mean, inv_std;
};

// A row of n floats that is normalised by itself; not centred, its mean counts as 0, and not
// averaged, its variance is the sum of the squares. Gamma and beta may be null; backward adds to
// their gradients. Each of the gradients may be null.
struct RowNormKernels {
  RowStatistics (*forward)(int64_t n, bool centered, bool averaged, float epsilon, const float* src,
                           const float* gamma, const float* beta, float* dst);
  void (*backward)(int64_t n, bool centered, bool averaged, const RowStatistics& row,
                   const float* src, const float* diff_dst, const float* gamma, float* diff_src,
                   float* diff_gamma, float* diff_beta);
};

}  // namespace cnnx
