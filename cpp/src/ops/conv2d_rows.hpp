#pragma once

#include "cnnx/conv2d.hpp"

namespace cnnx {

// The three passes of kernels of 1x3 and 1x5, and so of signals, by Winograd's F(6, 3) and F(4, 5):
// 8 products for 6 outputs of a pair of channels instead of 18, or for 4 instead of 20. A NaN
// reaches all outputs of its tiles. rows_backward_weights leaves the taps in the order of a
// correlation.

// Stride 1, neither dilated nor in groups, at least 16 channels in and out.
bool has_rows(const Conv2dDims& dims);
// Whether it is faster than the direct pass, if a transform of the weights or of their gradients
// takes as long as `weights_tiles` tiles.
bool rows_pay(const Conv2dDims& dims, int64_t weights_tiles);
// Only pairs are pooled.
void rows_forward(const Conv2dDims& dims, const float* src, const float* weights, const float* bias,
                  const Epilogue& epilogue, float* dst, PreparedWeights* prepared);
void rows_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                        const float* bias, const Epilogue& epilogue, float* diff_src);
void rows_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                           float* diff_weights);

}  // namespace cnnx
