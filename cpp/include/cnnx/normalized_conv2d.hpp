#pragma once

#include "cnnx/conv2d.hpp"

namespace cnnx {

// Convolutions of what a batch normalisation and an activation make of src, which is never stored
// as a whole: a 1x1 kernel of stride 1 with enough channels to fill vectors, or one for each
// channel. Others, and the plain algorithm, store the images for as long as they take. Bits are
// those of conv2d_forward and conv2d_backward_weights for stored images.
bool reads_normalized(const Conv2dDims& dims);
void normalized_conv2d_forward(const Conv2dDims& dims, const float* src,
                               const Normalization& normalization, const float* weights,
                               const float* bias, float* dst);
// diff_src is the gradient of the normalised images; sums (2, c) are what the rest of the backward
// pass needs, see batch_norm_backward_from_sums.
void normalized_conv2d_backward_data(const Conv2dDims& dims, const float* src,
                                     const Normalization& normalization, const float* diff_dst,
                                     const float* weights, float* diff_src, float* sums);
// diff_bias may be null.
void normalized_conv2d_backward_weights(const Conv2dDims& dims, const float* src,
                                        const Normalization& normalization, const float* diff_dst,
                                        float* diff_weights, float* diff_bias);

}  // namespace cnnx
