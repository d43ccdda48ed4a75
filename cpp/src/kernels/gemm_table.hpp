#pragma once

#include <cstdint>

namespace cnnx {

// A tile of c = a * b: a (rows, k) by its strides, b (k, cols) and c (rows, cols) with contiguous
// rows, bias (cols) or null, and whether c is added to.
struct GemmOperands {
  const float* a;
  int64_t a_row_stride, a_col_stride;
  const float* b;
  int64_t b_row_stride;
  const float* bias;
  float* c;
  int64_t c_row_stride;
  bool accumulate;
  const float* ahead;  // cache lines to fetch meanwhile, k at most
  int64_t ahead_lines;
};

// All arguments fit in registers: on the stack they would wait for the stores of the tile before.
using GemmMicrokernel = void (*)(int64_t k, const GemmOperands& operands, int64_t rows,
                                 int64_t cols);

// Register tile mr x nr and cache blocks: an a block (mc, kc) lives in L2, a b panel (kc, nr) in
// L1, a b block (kc, nc) in L3. mc is a multiple of mr, nc of nr.
struct GemmTile {
  GemmMicrokernel microkernel;
  int64_t mr, nr, mc, kc, nc;
};

// c (rows) = start + a (rows, k) times b (k), all contiguous.
using Dot = void (*)(int64_t rows, int64_t k, const float* a, const float* b, float start,
                     float* c);

// dst (cols, rows) = the transpose of src (rows, cols).
using Transpose = void (*)(int64_t rows, int64_t cols, const float* src, int64_t src_stride,
                           float* dst, int64_t dst_stride);

}  // namespace cnnx
