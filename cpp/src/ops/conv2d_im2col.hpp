#pragma once

#include "cnnx/conv2d.hpp"

namespace cnnx {

// The three passes as im2col + GEMM: the path that every shape can take, and that the direct one is
// checked against. If the output is pooled, oh and ow are even. im2col_backward_weights leaves the
// taps in the order of a correlation.
void im2col_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst);
void im2col_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                          const float* bias, const Epilogue& epilogue, float* diff_src);
void im2col_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                             float* diff_weights);

}  // namespace cnnx
