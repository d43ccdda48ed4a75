#pragma once

#include <cstdint>

namespace cnnx {

// src (mb, ic), weights (ic, oc), bias (oc) or null, dst (mb, oc).
struct DenseDims {
  int64_t mb, ic, oc;
};

void dense_forward(const DenseDims& dims, const float* src, const float* weights, const float* bias,
                   float* dst);
void dense_backward_data(const DenseDims& dims, const float* diff_dst, const float* weights,
                         float* diff_src);
// diff_bias may be null.
void dense_backward_weights(const DenseDims& dims, const float* src, const float* diff_dst,
                            float* diff_weights, float* diff_bias);

}  // namespace cnnx
