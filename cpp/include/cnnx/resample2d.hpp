#pragma once

#include <cstdint>

namespace cnnx {

struct Resample2dDims {
  int64_t mb, h, w, oh, ow, c;  // images: src (mb, h, w, c), dst (mb, oh, ow, c)
};

// What pixels of dst are made of, along one axis: pixel i is the sum over t < taps of
// shares[i, t] times pixel places[i, t] of src.
struct PixelShares {
  int64_t taps;
  const int32_t* places;
  const float* shares;
};

// Along rows and columns. What the shares of a pixel lack to 1 is made of `fill`.
void resample2d_forward(const Resample2dDims& dims, const PixelShares& rows,
                        const PixelShares& columns, float fill, const float* src, float* dst);
void resample2d_backward(const Resample2dDims& dims, const PixelShares& rows,
                         const PixelShares& columns, const float* diff_dst, float* diff_src);

}  // namespace cnnx
