#include "ops/column_sums.hpp"

#include "kernels/kernel_table.hpp"
#include "ops/column_chunks.hpp"

namespace cnnx {

void column_sums(int64_t rows, int64_t c, Images src, float* dst) {
  const auto add = kernels().batch_norm.add_column_sums;
  const auto add_pooled = kernels().pool2x2.add_column_sums;
  const ColumnChunks chunks(rows, c);
  Scratchpad scratch(chunks.sum_scratch(1));
  chunks.sum<1>(scratch, {dst}, [&](const ColumnChunks::Chunk& chunk, const auto& sums) {
    chunks.widen(chunk.first, chunk.rows, [&](int64_t first, int64_t count, int64_t columns) {
      if (src.codes == nullptr) {
        add(count, columns, src.data + first, sums[0]);
      } else {
        add_pooled(count, columns, src.data + first, src.codes + first, sums[0]);
      }
    });
  });
}

}  // namespace cnnx
