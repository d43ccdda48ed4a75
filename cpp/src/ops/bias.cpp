#include "cnnx/bias.hpp"

#include "kernels/kernel_table.hpp"
#include "ops/column_chunks.hpp"
#include "ops/column_sums.hpp"

namespace cnnx {
namespace {

void combine(ColumnOperation kernel, const BiasDims& dims, const float* src, const float* bias,
             float* dst) {
  const ColumnChunks chunks(dims.rows, dims.n);
  Scratchpad scratch(chunks.width());
  float* const biases = scratch.take(chunks.width());
  std::copy_n(bias, dims.n, biases);
  chunks.repeat(biases);
  chunks.for_each_widened([=](int64_t first, int64_t rows, int64_t columns) {
    kernel(rows, columns, src + first, biases, dst + first);
  });
}

}  // namespace

void bias_add_forward(const BiasDims& dims, const float* src, const float* bias, float* dst) {
  combine(kernels().bias.add, dims, src, bias, dst);
}

void bias_add_backward(const BiasDims& dims, const float* diff_dst, float* diff_bias) {
  column_sums(dims.rows, dims.n, {diff_dst}, diff_bias);
}

void bias_multiply_forward(const BiasDims& dims, const float* src, const float* bias, float* dst) {
  combine(kernels().bias.multiply, dims, src, bias, dst);
}

void bias_multiply_backward(const BiasDims& dims, const float* src, const float* bias,
                            const float* diff_dst, float* diff_src, float* diff_bias) {
  if (diff_bias != nullptr) {
    const auto kernel = kernels().bias.add_products;
    const ColumnChunks chunks(dims.rows, dims.n);
    Scratchpad scratch(chunks.sum_scratch(1));
    chunks.sum<1>(scratch, {diff_bias}, [&](const ColumnChunks::Chunk& chunk, const auto& sums) {
      chunks.widen(chunk.first, chunk.rows, [&](int64_t first, int64_t rows, int64_t columns) {
        kernel(rows, columns, src + first, diff_dst + first, sums[0]);
      });
    });
  }
  // Last, because diff_src may be diff_dst.
  if (diff_src != nullptr) combine(kernels().bias.multiply, dims, diff_dst, bias, diff_src);
}

}  // namespace cnnx
