#include "cnnx/permutation.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

constexpr int64_t kBlock = 256;  // rows or columns that a thread takes at once

}  // namespace

void swap_axes(const SwapDims& d, const float* src, float* dst) {
  const int64_t plane = d.rows * d.columns * d.inner;
  const bool long_rows = d.columns > d.rows;  // blocks along the longer of the two
  const int64_t extent = long_rows ? d.columns : d.rows;
  const int64_t blocks = (extent + kBlock - 1) / kBlock, tasks = d.outer * blocks;
  const int threads = threads_for_rows(tasks, std::max<int64_t>(plane / blocks, 1));
  parallel_for(threads, tasks, [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % blocks * kBlock, count = std::min(kBlock, extent - first);
      const int64_t i0 = long_rows ? 0 : first, rows = long_rows ? d.rows : count;
      const int64_t j0 = long_rows ? first : 0, columns = long_rows ? count : d.columns;
      const float* const from = src + task / blocks * plane + (i0 * d.columns + j0) * d.inner;
      float* const to = dst + task / blocks * plane + (j0 * d.rows + i0) * d.inner;
      if (d.inner == 1) {
        kernels().transpose(rows, columns, from, d.columns, to, d.rows);
        continue;
      }
      for (int64_t j = 0; j < columns; ++j) {
        for (int64_t i = 0; i < rows; ++i) {
          std::copy_n(from + (i * d.columns + j) * d.inner, d.inner,
                      to + (j * d.rows + i) * d.inner);
        }
      }
    }
  });
}

}  // namespace cnnx
