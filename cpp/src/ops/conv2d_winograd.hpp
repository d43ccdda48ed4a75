#pragma once

#include "cnnx/conv2d.hpp"

namespace cnnx {

// The three passes of a 3x3 kernel by Winograd's F(4x4, 3x3): 36 products for 16 outputs of a pair
// of channels instead of 144. Rounding errors are about twice those of the direct passes, and a NaN
// reaches all outputs of its tiles. If the output is pooled, oh and ow are even.
// winograd_backward_weights leaves the taps in the order of a correlation.

// 3x3, stride 1, neither dilated nor in groups, at least 16 channels in and out.
bool has_winograd(const Conv2dDims& dims);
// Whether it is faster than the direct pass, if a transform of the weights or of their gradients
// takes as long as `weights_tiles` tiles.
bool winograd_pays(const Conv2dDims& dims, int64_t weights_tiles);
int64_t winograd_weights_tiles(const Conv2dDims& dims);  // for weights that are not prepared
void winograd_forward(const Conv2dDims& dims, const float* src, const float* weights,
                      const float* bias, const Epilogue& epilogue, float* dst,
                      PreparedWeights* prepared);
void winograd_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                            const float* bias, const Epilogue& epilogue, float* diff_src);
void winograd_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                               float* diff_weights);

}  // namespace cnnx
