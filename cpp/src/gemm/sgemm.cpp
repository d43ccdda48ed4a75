// The five loops around the micro-kernel, named as in BLIS: jc, pc, ic walk the cache blocks
// (nc, kc, mc), jr and ir the register tiles (nr, mr) inside them.
#include "gemm/sgemm.hpp"

#include <algorithm>

#include "gemm/pack.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

MatrixView shifted(MatrixView view, int64_t row, int64_t col) {
  return {view.data + row * view.row_stride + col * view.col_stride, view.row_stride,
          view.col_stride};
}

// One packed block of a (m, k) times one of b (k, n).
void macro_kernel(const GemmTile& tile, int64_t m, int64_t n, int64_t k, const float* a,
                  const float* b, const float* bias, float* c, int64_t ldc, bool accumulate) {
  for (int64_t jr = 0; jr < n; jr += tile.nr) {
    for (int64_t ir = 0; ir < m; ir += tile.mr) {
      tile.microkernel(k, a + ir * k, b + jr * k, bias == nullptr ? nullptr : bias + jr,
                       c + ir * ldc + jr, ldc, std::min(tile.mr, m - ir), std::min(tile.nr, n - jr),
                       accumulate);
    }
  }
}

int64_t a_block_size(const GemmTile& tile, int64_t m, int64_t k) {
  return round_up(std::min(tile.mc, round_up(m, tile.mr)) * std::min(tile.kc, k), 16);
}

}  // namespace

const GemmTile& gemm_tile_for(int64_t n) {
  const KernelTable& table = kernels();
  return n <= table.gemm_narrow.nr ? table.gemm_narrow : table.gemm_wide;
}

int64_t gemm_workspace(const GemmTile& tile, int64_t m, int64_t n, int64_t k, bool b_is_packed) {
  const int64_t b_block = std::min(tile.nc, round_up(n, tile.nr)) * std::min(tile.kc, k);
  return a_block_size(tile, m, k) + (b_is_packed ? 0 : b_block);
}

int64_t packed_b_size(const GemmTile& tile, int64_t n, int64_t k) {
  return round_up(n, tile.nr) * k;
}

void pack_whole_b(const GemmTile& tile, MatrixView b, int64_t n, int64_t k, float* packed) {
  for (int64_t jc = 0; jc < n; jc += tile.nc) {
    const int64_t nc = std::min(tile.nc, n - jc);
    for (int64_t pc = 0; pc < k; pc += tile.kc) {
      const int64_t kc = std::min(tile.kc, k - pc);
      pack_b(shifted(b, pc, jc), kc, nc, tile.nr, packed);
      packed += round_up(nc, tile.nr) * kc;
    }
  }
}

void gemm_serial(const GemmTile& tile, int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b,
                 const float* packed_b, const float* bias, float* c, int64_t ldc, bool accumulate,
                 float* workspace) {
  float* a_block = workspace;
  float* b_block = workspace + a_block_size(tile, m, k);
  for (int64_t jc = 0; jc < n; jc += tile.nc) {
    const int64_t nc = std::min(tile.nc, n - jc);
    int64_t pc = 0;
    do {  // once even for k = 0, which leaves bias alone
      const int64_t kc = std::min(tile.kc, k - pc);
      const float* b_panels = packed_b;
      if (packed_b != nullptr) {
        packed_b += round_up(nc, tile.nr) * kc;
      } else {
        pack_b(shifted(b, pc, jc), kc, nc, tile.nr, b_block);
        b_panels = b_block;
      }
      const float* block_bias = bias == nullptr || pc > 0 ? nullptr : bias + jc;
      for (int64_t ic = 0; ic < m; ic += tile.mc) {
        const int64_t mc = std::min(tile.mc, m - ic);
        pack_a(shifted(a, ic, pc), mc, kc, tile.mr, a_block);
        macro_kernel(tile, mc, nc, kc, a_block, b_panels, block_bias, c + ic * ldc + jc, ldc,
                     accumulate || pc > 0);
      }
      pc += kc;
    } while (pc < k);
  }
}

void sgemm(int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b, const float* bias, float* c,
           int64_t ldc, bool accumulate) {
  const GemmTile& tile = gemm_tile_for(n);
  // Threads share out whole tiles along the longer side of c.
  const int64_t row_tiles = (m + tile.mr - 1) / tile.mr, col_tiles = (n + tile.nr - 1) / tile.nr;
  const bool by_rows = row_tiles >= col_tiles;
  const int64_t tiles = by_rows ? row_tiles : col_tiles;
  constexpr int64_t kGrain = int64_t{1} << 20;  // multiply-adds worth a thread
  const int64_t work_per_tile = std::max<int64_t>(m * n / std::max<int64_t>(tiles, 1) * k, 1);
  const int threads = threads_for(tiles, kGrain / work_per_tile);

  const int64_t share = (tiles + threads - 1) / threads;
  const int64_t workspace =
      Scratchpad::padded(gemm_workspace(tile, by_rows ? std::min(m, share * tile.mr) : m,
                                        by_rows ? n : std::min(n, share * tile.nr), k, false));
  Scratchpad scratch(workspace * threads);
  float* workspaces = scratch.take(workspace * threads);
  parallel_for(threads, tiles, [&](int64_t begin, int64_t end, int thread) {
    const int64_t row = by_rows ? begin * tile.mr : 0, col = by_rows ? 0 : begin * tile.nr;
    const int64_t rows = by_rows ? std::min(m, end * tile.mr) - row : m;
    const int64_t cols = by_rows ? n : std::min(n, end * tile.nr) - col;
    gemm_serial(tile, rows, cols, k, shifted(a, row, 0), shifted(b, 0, col), nullptr,
                bias == nullptr ? nullptr : bias + col, c + row * ldc + col, ldc, accumulate,
                workspaces + thread * workspace);
  });
}

}  // namespace cnnx
