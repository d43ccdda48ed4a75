#include "gemm/pack.hpp"

#include <algorithm>
#include <cstring>

namespace cnnx {
namespace {

using Vec4 [[gnu::vector_size(16)]] = float;

Vec4 load4(const float* p) {
  Vec4 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
void store4(float* p, Vec4 v) { std::memcpy(p, &v, sizeof v); }

// dst (4 rows, stride nr) = the transpose of src (4 rows, stride ld).
void transpose4(const float* src, int64_t ld, float* dst, int64_t nr) {
  const Vec4 a = load4(src), b = load4(src + ld), c = load4(src + 2 * ld), d = load4(src + 3 * ld);
  const Vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Vec4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Vec4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Vec4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store4(dst, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store4(dst + nr, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store4(dst + 2 * nr, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store4(dst + 3 * nr, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// A panel whose columns are contiguous in memory: 4x4 blocks through registers, then the edges.
void pack_panel_of_columns(const float* src, int64_t ld, int64_t k, int64_t cols, int64_t nr,
                           float* packed) {
  int64_t j = 0;
  for (; j + 4 <= cols; j += 4) {
    int64_t p = 0;
    for (; p + 4 <= k; p += 4) transpose4(src + j * ld + p, ld, packed + p * nr + j, nr);
    for (; p < k; ++p) {
      for (int64_t jj = j; jj < j + 4; ++jj) packed[p * nr + jj] = src[jj * ld + p];
    }
  }
  for (; j < cols; ++j) {
    for (int64_t p = 0; p < k; ++p) packed[p * nr + j] = src[j * ld + p];
  }
}

}  // namespace

void pack_b(MatrixView b, int64_t k, int64_t n, int64_t nr, float* packed) {
  for (int64_t j = 0; j < n; j += nr, packed += k * nr) {
    const int64_t cols = std::min(nr, n - j);
    const float* panel = b.data + j * b.col_stride;
    if (b.row_stride == 1) {
      pack_panel_of_columns(panel, b.col_stride, k, cols, nr, packed);
    } else {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t jj = 0; jj < cols; ++jj) {
          packed[p * nr + jj] = panel[p * b.row_stride + jj * b.col_stride];
        }
      }
    }
    if (cols < nr) {
      for (int64_t p = 0; p < k; ++p)
        std::fill(packed + p * nr + cols, packed + (p + 1) * nr, 0.0f);
    }
  }
}

void pack_a(MatrixView a, int64_t m, int64_t k, int64_t mr, float* packed) {
  pack_b({a.data, a.col_stride, a.row_stride}, k, m, mr, packed);
}

}  // namespace cnnx
