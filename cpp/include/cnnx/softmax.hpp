#pragma once

#include <cstdint>

namespace cnnx {

// Over each of `rows` rows of n floats; in place is allowed.
void softmax_forward(int64_t rows, int64_t n, const float* src, float* dst);
void softmax_backward(int64_t rows, int64_t n, const float* dst, const float* diff_dst,
                      float* diff_src);

}  // namespace cnnx
