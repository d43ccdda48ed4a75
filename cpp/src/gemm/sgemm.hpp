#pragma once

#include "cnnx/gemm.hpp"
#include "kernels/gemm_table.hpp"

namespace cnnx {

// One thread's matrix product, for operations that bring their own threads and scratch.

// The tile for n output columns.
const GemmTile& gemm_tile_for(int64_t n);

// Scratch in floats that gemm_serial needs; none where b is packed before and a has contiguous
// rows.
int64_t gemm_workspace(const GemmTile& tile, int64_t m, int64_t n, int64_t k, MatrixView a,
                       MatrixView b);

// All of b, packed block by block in the order in which gemm_serial reads it.
int64_t packed_b_size(const GemmTile& tile, int64_t n, int64_t k);
void pack_whole_b(const GemmTile& tile, MatrixView b, int64_t n, int64_t k, float* packed);

// As sgemm; b comes from packed_b unless that is null.
void gemm_serial(const GemmTile& tile, int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b,
                 const float* packed_b, const float* bias, float* c, int64_t ldc, bool accumulate,
                 float* workspace);

// Threads for `items` equal shares of a product: one below the break-even.
int threads_for_product(int64_t items, int64_t m, int64_t n, int64_t k);

}  // namespace cnnx
