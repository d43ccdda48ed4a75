#include "gemm/pack.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"

namespace cnnx {

void pack_b(const MatrixView& b, int64_t k, int64_t n, int64_t nr, float* packed) {
  for (int64_t j = 0; j < n; j += nr, packed += k * nr) {
    const int64_t cols = std::min(nr, n - j);
    const float* const panel = b.data + j * b.col_stride;
    if (b.col_stride == 1) {
      for (int64_t p = 0; p < k; ++p) std::copy_n(panel + p * b.row_stride, cols, packed + p * nr);
    } else {
      kernels().transpose(cols, k, panel, b.col_stride, packed, nr);
    }
    if (b.scale != nullptr) {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t i = 0; i < cols; ++i) packed[p * nr + i] *= b.scale[j + i];
      }
    }
    if (cols < nr) {
      for (int64_t p = 0; p < k; ++p) {
        std::fill(packed + p * nr + cols, packed + (p + 1) * nr, 0.0f);
      }
    }
  }
}

}  // namespace cnnx
