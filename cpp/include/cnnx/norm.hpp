#pragma once

#include <cstdint>

namespace cnnx {

// Sums of |x| and of x^2 over n floats, in parts that depend on n alone.
double sum_of_magnitudes(int64_t n, const float* src);
double sum_of_squares(int64_t n, const float* src);

// The derivative of l1 sum|x| + l2 sum x^2, times scale, is added to diff_src; that of |x| at 0 is
// 0.
void penalty_backward(int64_t n, float l1, float l2, float scale, const float* src,
                      float* diff_src);

// Of an array (outer, reduced, inner), each of the outer * inner columns w of Euclidean norm |w| is
// multiplied by (rate clip(|w|, least, most) + (1 - rate) |w|) / (|w| + epsilon).
struct NormLimits {
  float least, most, rate, epsilon;
};
void limit_norms(int64_t outer, int64_t reduced, int64_t inner, const NormLimits& limits,
                 float* array);

}  // namespace cnnx
