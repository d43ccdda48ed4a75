#pragma once

#include "ops/correlation.hpp"
#include "ops/gradient_sums.hpp"

namespace cnnx {

// Between the pixels of the input lie spread - 1 others, which are zeros: so the gradient of the
// input of a strided convolution is a correlation too.
struct Spread {
  int64_t h = 1, w = 1;
};

// Convolutions in which no two channels of the input meet, and their gradients: images are read
// where they lie, without zeros around them. Several channels of the output may share one of the
// input, or, in the gradient of the input, the other way round. Not of few channels, which would
// leave a vector half empty, nor with rare kernels and strides.
bool has_depthwise_tiles(const Conv2dDims& dims, Images src, Spread spread = {});
void tiled_depthwise_correlate(const Conv2dDims& dims, Images src, Spread spread,
                               const KernelTaps& taps, const float* bias, const Epilogue& epilogue,
                               const OutputPixels& dst, GradientSums* sums = nullptr);
// One image by one thread, at dst + first, if channels are as many on both sides and read in place.
bool has_depthwise_rows(const Conv2dDims& dims);
void depthwise_rows(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, int64_t first, float* dst);
void tiled_depthwise_backward_weights(const Conv2dDims& dims, Images src, const float* diff_dst,
                                      float* diff_weights);

}  // namespace cnnx
