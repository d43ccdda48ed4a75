#pragma once

#include <cstdint>

#include "cnnx/gemm.hpp"

namespace cnnx {

// Panels for the micro-kernel, each contiguous, the last one padded with zeros:
// a (m, k) becomes ceil(m / mr) panels of (k, mr), b (k, n) becomes ceil(n / nr) panels of (k, nr).
void pack_a(MatrixView a, int64_t m, int64_t k, int64_t mr, float* packed);
void pack_b(MatrixView b, int64_t k, int64_t n, int64_t nr, float* packed);

}  // namespace cnnx
