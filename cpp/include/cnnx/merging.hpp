#pragma once

#include <cstdint>
#include <span>

#include "cnnx/activation.hpp"

namespace cnnx {

// Elementwise over several arrays of n floats each, at least one. Results may be any of the inputs.

using Arrays = std::span<const float* const>;

// dst = the activation of the sum of factors[k] * srcs[k]: with factors of 1 the sum, of 1 / count
// the average, of 1 and -1 the difference. The gradient of srcs[k] is factors[k] times that of the
// sum, a weighted sum of one array.
void weighted_sum(int64_t n, Arrays srcs, std::span<const float> factors,
                  const Activation& activation, float* dst);

// dst = the product of all srcs. The gradient of one is the product of diff_dst and the others.
void product(int64_t n, Arrays srcs, float* dst);

// NaN counts as the largest value. The gradient goes to the first of the largest. Any of diff_srcs,
// as many as srcs, may be null.
void maximum_forward(int64_t n, Arrays srcs, float* dst);
void maximum_backward(int64_t n, Arrays srcs, const float* diff_dst,
                      std::span<float* const> diff_srcs);

}  // namespace cnnx
