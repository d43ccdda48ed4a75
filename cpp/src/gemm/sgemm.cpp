// The five loops around the micro-kernel, named as in BLIS: jc, pc, ic walk the cache blocks
// (nc, kc, mc), jr and ir the register tiles (nr, mr) inside them.
#include "gemm/sgemm.hpp"

#include <algorithm>

#include "gemm/pack.hpp"
#include "kernels/cache_line.hpp"
#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"
#include "runtime/rounding.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

// Where a block of b (k, n) is read: in panels of nr columns, panel_stride floats apart.
struct BPanels {
  const float* data;
  int64_t panel_stride, row_stride;
};

// What the next block will meet that is not yet in the cache.
struct NextBlock {
  const float* data;
  int64_t floats;
};

// A block of a (m, k) times one of b (k, n), in tiles of nearly equal heights. Each fetches its
// share of what lies ahead.
void macro_kernel(const GemmTile& tile, int64_t m, int64_t n, int64_t k, const MatrixView& a,
                  const BPanels& b, const float* bias, float* c, int64_t ldc, bool accumulate,
                  NextBlock ahead) {
  const int64_t tiles = ceil_div(m, tile.mr);
  const int64_t lines = ceil_div(ahead.floats, kLineFloats * tiles * ceil_div(n, tile.nr));
  const int64_t panel_stride = k > 0 ? b.panel_stride : 0;  // an empty b may be null
  GemmOperands operands{.a = a.data,
                        .a_row_stride = a.row_stride,
                        .a_col_stride = a.col_stride,
                        .b = b.data,
                        .b_row_stride = b.row_stride,
                        .bias = bias,
                        .c = c,
                        .c_row_stride = ldc,
                        .accumulate = accumulate,
                        .ahead = ahead.data,
                        .ahead_lines = lines};
  for (int64_t jr = 0; jr < n; jr += tile.nr, operands.b += panel_stride) {
    for (int64_t t = 0; t < tiles; ++t, operands.ahead += lines * kLineFloats) {
      const int64_t ir = m * t / tiles, rows = m * (t + 1) / tiles - ir;
      operands.a = a.data + ir * a.row_stride;
      operands.c = c + ir * ldc + jr;
      tile.microkernel(k, operands, rows, std::min(tile.nr, n - jr));
    }
    if (bias != nullptr) operands.bias += tile.nr;
  }
}

// Whether so few rows of a meet b that packing would cost more than it saves.
bool is_read_in_place(MatrixView b, int64_t m) {
  constexpr int64_t kMostRows = 128;
  return b.col_stride == 1 && m <= kMostRows;
}

// Whether so many columns of a that lie far apart meet so much of b that a copy of their block
// pays: where they are, one drives the other from the cache.
bool is_copied(const GemmTile& tile, MatrixView a, int64_t n, int64_t k) {
  constexpr int64_t kMostColumns = 64;
  return a.col_stride != 1 && k > kMostColumns && n > tile.nr;
}

int64_t a_copy_size(const GemmTile& tile, int64_t m, int64_t n, int64_t k, MatrixView a) {
  return is_copied(tile, a, n, k) ? round_up(std::min(tile.mc, m) * std::min(tile.kc, k), 16) : 0;
}

// Columns of b that are packed at once: all that L3 holds, or, if one block of rows is all of a,
// one panel, which goes from L1 to its only use.
int64_t block_cols(const GemmTile& tile, int64_t m) { return m <= tile.mc ? tile.nr : tile.nc; }

}  // namespace

const GemmTile& gemm_tile_for(int64_t n) {
  const KernelTable& table = kernels();
  return n <= table.gemm_narrow.nr ? table.gemm_narrow : table.gemm_wide;
}

int64_t gemm_workspace(const GemmTile& tile, int64_t m, int64_t n, int64_t k, MatrixView a,
                       MatrixView b) {
  const int64_t depth = std::min(tile.kc, k);
  return a_copy_size(tile, m, n, k, a) +
         (is_read_in_place(b, m) ? 0 : std::min(block_cols(tile, m), round_up(n, tile.nr)) * depth);
}

int64_t packed_b_size(const GemmTile& tile, int64_t n, int64_t k) {
  return round_up(n, tile.nr) * k;
}

void pack_whole_b(const GemmTile& tile, MatrixView b, int64_t n, int64_t k, float* packed) {
  for (int64_t jc = 0; jc < n; jc += tile.nc) {
    const int64_t nc = std::min(tile.nc, n - jc);
    for (int64_t pc = 0; pc < k; pc += tile.kc) {
      const int64_t kc = std::min(tile.kc, k - pc);
      pack_b(b.from(pc, jc), kc, nc, tile.nr, packed);
      packed += round_up(nc, tile.nr) * kc;
    }
  }
}

void gemm_serial(const GemmTile& tile, int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b,
                 const float* packed_b, const float* bias, float* c, int64_t ldc, bool accumulate,
                 float* workspace) {
  const bool copied = is_copied(tile, a, n, k);
  float* const a_copy = workspace;
  float* const b_block = workspace + a_copy_size(tile, m, n, k, a);
  const bool in_place = packed_b == nullptr && is_read_in_place(b, m);
  Pace pace;
  const int64_t most_cols = packed_b == nullptr && !in_place ? block_cols(tile, m) : tile.nc;
  for (int64_t jc = 0; jc < n; jc += most_cols) {
    const int64_t nc = std::min(most_cols, n - jc);
    int64_t pc = 0;
    do {  // once even for k = 0, which leaves bias alone
      const int64_t kc = std::min(tile.kc, k - pc);
      BPanels panels{b_block, kc * tile.nr, tile.nr};
      if (packed_b != nullptr) {
        panels.data = packed_b;
        packed_b += round_up(nc, tile.nr) * kc;
      } else if (in_place) {
        panels = {b.from(pc, jc).data, tile.nr, b.row_stride};
      } else {
        pack_b(b.from(pc, jc), kc, nc, tile.nr, b_block);
      }
      const float* block_bias = bias == nullptr || pc > 0 ? nullptr : bias + jc;
      for (int64_t ic = 0; ic < m; ic += tile.mc) {
        float* const c_block = c + ic * ldc + jc;
        NextBlock ahead{};
        if (in_place) {
          ahead = {panels.data + kc * panels.row_stride, nc * kc};
        } else if (k <= tile.kc && ic + tile.mc < m) {
          // Not beyond: those rows may be another thread's.
          ahead = {c_block + tile.mc * ldc, nc * std::min(tile.mc, m - ic - tile.mc)};
        }
        const int64_t mc = std::min(tile.mc, m - ic);
        MatrixView a_block = a.from(ic, pc);
        if (copied) {
          pack_b({a_block.data, a.col_stride, 1}, kc, mc, mc, a_copy);
          a_block = {a_copy, 1, mc};
        }
        macro_kernel(tile, mc, nc, kc, a_block, panels, block_bias, c_block, ldc,
                     accumulate || pc > 0, ahead);
        if (pace.stops(mc * nc * kc)) return;
      }
      pc += kc;
    } while (pc < k);
  }
}

int threads_for_product(int64_t items, int64_t m, int64_t n, int64_t k) {
  // Where few products meet each float, memory counts: to move one costs about kMove of them.
  constexpr int64_t kMove = 8, kGrain = int64_t{1} << 18;
  const int64_t work = m * n * k + kMove * (m * k + k * n + m * n);
  return threads_for_work(items, work, kGrain);
}

void sgemm(int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b, const float* bias, float* c,
           int64_t ldc, bool accumulate) {
  const GemmTile& tile = gemm_tile_for(n);
  // Threads share out whole tiles along the longer side of c.
  const int64_t row_tiles = ceil_div(m, tile.mr), col_tiles = ceil_div(n, tile.nr);
  const bool by_rows = row_tiles >= col_tiles;
  const int64_t tiles = by_rows ? row_tiles : col_tiles;
  const int threads = threads_for_product(tiles, m, n, k);

  const int64_t share = ceil_div(tiles, threads);
  const int64_t workspace =
      Scratchpad::padded(gemm_workspace(tile, by_rows ? std::min(m, share * tile.mr) : m,
                                        by_rows ? n : std::min(n, share * tile.nr), k, a, b));
  const Scratchpad scratch(0, threads, workspace);
  parallel_for(threads, tiles, [&](int64_t begin, int64_t end, int thread) {
    const int64_t row = by_rows ? begin * tile.mr : 0, col = by_rows ? 0 : begin * tile.nr;
    const int64_t rows = by_rows ? std::min(m, end * tile.mr) - row : m;
    const int64_t cols = by_rows ? n : std::min(n, end * tile.nr) - col;
    gemm_serial(tile, rows, cols, k, a.from(row, 0), b.from(0, col), nullptr,
                bias == nullptr ? nullptr : bias + col, c + row * ldc + col, ldc, accumulate,
                scratch.of_thread(thread));
  });
}

}  // namespace cnnx
