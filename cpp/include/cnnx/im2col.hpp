#pragma once

#include <cstdint>

#include "cnnx/conv2d.hpp"

namespace cnnx {

// Rows of the patch matrix: the output pixels [begin, end), counted through (mb, oh, ow), one row
// of kh * kw * (ic / groups) floats each, in the order of the weights. Outside src: zeros.
void im2col(const Conv2dDims& dims, int64_t group, const float* src, int64_t begin, int64_t end,
            float* col);

// The adjoint of im2col: adds each patch entry to the pixel of diff_src that it came from.
void col2im(const Conv2dDims& dims, int64_t group, const float* col, int64_t begin, int64_t end,
            float* diff_src);

}  // namespace cnnx
