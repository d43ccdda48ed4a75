#pragma once

#include "cnnx/pictures.hpp"

namespace cnnx {

// Operations on the neighbours of pixels, of one picture: src and dst are apart.
void sharpness(const PictureDims& dims, ValueRange range, const float* p, const float* src,
               float* dst);
// src may be dst; scratch has room for a picture.
void blur(const PictureDims& dims, ValueRange range, const float* p, const float* src,
          float* scratch, float* dst);

}  // namespace cnnx
