#pragma once

#include <cstdint>

namespace cnnx {

// src and dst (rows, n), bias (n). An image batch with one bias a filter (tied) has mb * oh * ow
// rows of oc; with one an output element (untied), mb rows of oh * ow * oc.
struct BiasDims {
  int64_t rows, n;
};

// dst = src + bias; the gradient of src is diff_dst itself. dst may be src.
void bias_add_forward(const BiasDims& dims, const float* src, const float* bias, float* dst);
void bias_add_backward(const BiasDims& dims, const float* diff_dst, float* diff_bias);

// dst = src * bias. dst may be src. Either result may be null; diff_src may be diff_dst.
void bias_multiply_forward(const BiasDims& dims, const float* src, const float* bias, float* dst);
void bias_multiply_backward(const BiasDims& dims, const float* src, const float* bias,
                            const float* diff_dst, float* diff_src, float* diff_bias);

}  // namespace cnnx
