#pragma once

#include "cnnx/conv2d.hpp"

namespace cnnx {

// The three passes of a 3x3 kernel of stride 2. Rows and columns at even and odd places meet taps
// of their own: two of them, where Winograd's F(2x2, 2x2) saves products, and one. 25 products for
// 4 outputs of a pair of channels instead of 36. A NaN reaches all outputs of its tiles.
// stride2_backward_weights leaves the taps in the order of a correlation.

// Neither dilated nor in groups, at least 16 channels in and out.
bool has_stride2(const Conv2dDims& dims);
// Whether it is faster than the direct pass, if a transform of the weights or of their gradients
// takes as long as `weights_tiles` tiles.
bool stride2_pays(const Conv2dDims& dims, int64_t weights_tiles);
// The least of weights_tiles: many weights are read from far, whether they were kept or not.
int64_t stride2_weights_tiles(const Conv2dDims& dims, bool kept);
int64_t stride2_gradients_tiles(const Conv2dDims& dims);
// Neither pools.
void stride2_forward(const Conv2dDims& dims, const float* src, const float* weights,
                     const float* bias, const Epilogue& epilogue, float* dst,
                     PreparedWeights* prepared);
void stride2_backward_data(const Conv2dDims& dims, const float* diff_dst, const float* weights,
                           const float* bias, const Epilogue& epilogue, float* diff_src);
void stride2_backward_weights(const Conv2dDims& dims, const float* src, const float* diff_dst,
                              float* diff_weights);

}  // namespace cnnx
