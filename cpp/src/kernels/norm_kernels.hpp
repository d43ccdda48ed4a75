// Sums of magnitudes and squares, and the gradients of penalties that are such sums. Included by
// kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/norm_table.hpp"
#include "kernels/simd_math.hpp"

namespace cnnx {
namespace {

float sum_of_magnitudes(int64_t n, const float* src) {
  Vec sum{};
  for (int64_t i = 0; i < n; i += kLanes) sum += abs(load_upto(src + i, n - i));
  return horizontal_sum(sum);
}

float sum_of_squares(int64_t n, const float* src) {
  Vec sum{};
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec x = load_upto(src + i, n - i);
    sum += x * x;
  }
  return horizontal_sum(sum);
}

void add_penalty_gradient(int64_t n, float sign_factor, float factor, const float* src,
                          float* diff_src) {
  map(n, src, diff_src, diff_src,
      [=](Vec x, Vec gradient) { return gradient + signed_as(x, sign_factor) + x * factor; });
}

constexpr NormKernels norm_kernels = {
    .sum_of_magnitudes = sum_of_magnitudes,
    .sum_of_squares = sum_of_squares,
    .add_penalty_gradient = add_penalty_gradient,
};

}  // namespace
}  // namespace cnnx
