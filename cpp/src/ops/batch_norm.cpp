#include "cnnx/batch_norm.hpp"

#include <cmath>

#include "kernels/kernel_table.hpp"
#include "ops/column_chunks.hpp"

namespace cnnx {
namespace {

float inverse_std(float variance, float epsilon) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(variance) + epsilon));
}

// Parameters of the columns, repeated as the chunks need them.
template <typename Value>
const float* parameters(const ColumnChunks& chunks, Scratchpad& scratch, int64_t c, Value value) {
  float* const values = scratch.take(chunks.width());
  for (int64_t j = 0; j < c; ++j) values[j] = value(j);
  chunks.repeat(values);
  return values;
}

float or_else(const float* values, int64_t j, float otherwise) {
  return values == nullptr ? otherwise : values[j];
}

// dst = gamma * (src - mean) * inv_std(j) + beta; mean is repeated already.
template <typename InvStd>
void normalize(const ColumnChunks& chunks, Scratchpad& scratch, int64_t c, const float* src,
               const float* mean, const float* gamma, const float* beta, InvStd inv_std,
               float* dst) {
  const float* scale = parameters(chunks, scratch, c,
                                  [&](int64_t j) { return or_else(gamma, j, 1.0f) * inv_std(j); });
  const float* shift =
      parameters(chunks, scratch, c, [&](int64_t j) { return or_else(beta, j, 0.0f); });
  const auto kernel = kernels().batch_norm.normalize;
  chunks.for_each([=](int64_t first, int64_t rows, int64_t columns, int64_t) {
    kernel(rows, columns, src + first, mean, scale, shift, dst + first);
  });
}

}  // namespace

void batch_norm_forward_training(const BatchNormDims& dims, const float* src, const float* gamma,
                                 const float* beta, float epsilon, float momentum, float* dst,
                                 float* mean, float* inv_std, float* moving_mean,
                                 float* moving_variance) {
  const BatchNormKernels& kernel = kernels().batch_norm;
  const ColumnChunks chunks(dims.rows, dims.c);
  const auto count = static_cast<float>(dims.rows);
  Scratchpad scratch(2 * chunks.sum_scratch(1) + 3 * Scratchpad::padded(chunks.width()));

  chunks.sum<1>(scratch, {mean}, [=](int64_t first, int64_t rows, int64_t columns, auto& sums) {
    kernel.add_column_sums(rows, columns, src + first, sums[0]);
  });
  for (int64_t j = 0; j < dims.c; ++j) mean[j] /= count;
  const float* means = parameters(chunks, scratch, dims.c, [=](int64_t j) { return mean[j]; });
  chunks.sum<1>(scratch, {inv_std}, [=](int64_t first, int64_t rows, int64_t columns, auto& sums) {
    kernel.add_squared_deviations(rows, columns, src + first, means, sums[0]);
  });
  for (int64_t j = 0; j < dims.c; ++j) {
    const float variance = inv_std[j] / count;
    inv_std[j] = inverse_std(variance, epsilon);
    moving_mean[j] = momentum * moving_mean[j] + (1.0f - momentum) * mean[j];
    moving_variance[j] = momentum * moving_variance[j] + (1.0f - momentum) * variance;
  }
  normalize(
      chunks, scratch, dims.c, src, means, gamma, beta, [=](int64_t j) { return inv_std[j]; }, dst);
}

void batch_norm_forward_inference(const BatchNormDims& dims, const float* src, const float* gamma,
                                  const float* beta, const float* moving_mean,
                                  const float* moving_variance, float epsilon, float* dst) {
  const ColumnChunks chunks(dims.rows, dims.c);
  Scratchpad scratch(3 * Scratchpad::padded(chunks.width()));
  const float* means =
      parameters(chunks, scratch, dims.c, [=](int64_t j) { return moving_mean[j]; });
  normalize(
      chunks, scratch, dims.c, src, means, gamma, beta,
      [=](int64_t j) { return inverse_std(moving_variance[j], epsilon); }, dst);
}

void batch_norm_backward(const BatchNormDims& dims, const float* src, const float* diff_dst,
                         const float* gamma, const float* mean, const float* inv_std,
                         float* diff_src, float* diff_gamma, float* diff_beta) {
  const BatchNormKernels& kernel = kernels().batch_norm;
  const ColumnChunks chunks(dims.rows, dims.c);
  const auto count = static_cast<float>(dims.rows);
  Scratchpad scratch(chunks.sum_scratch(2) + 6 * Scratchpad::padded(chunks.width()));
  float* const sums = scratch.take(dims.c);
  float* const products = scratch.take(dims.c);
  const float* means = parameters(chunks, scratch, dims.c, [=](int64_t j) { return mean[j]; });

  chunks.sum<2>(
      scratch, {sums, products}, [=](int64_t first, int64_t rows, int64_t columns, auto& to) {
        kernel.add_gradient_sums(rows, columns, src + first, diff_dst + first, means, to[0], to[1]);
      });
  for (int64_t j = 0; j < dims.c; ++j) products[j] *= inv_std[j];
  if (diff_beta != nullptr) std::copy_n(sums, dims.c, diff_beta);
  if (diff_gamma != nullptr) std::copy_n(products, dims.c, diff_gamma);
  if (diff_src == nullptr) return;

  // diff_src = scale (diff_dst - sums / rows - (src - mean) inv_std products / rows)
  const auto scale_of = [=](int64_t j) { return or_else(gamma, j, 1.0f) * inv_std[j]; };
  const float* scale = parameters(chunks, scratch, dims.c, scale_of);
  const float* slope = parameters(chunks, scratch, dims.c, [=](int64_t j) {
    return -scale_of(j) * inv_std[j] * products[j] / count;
  });
  const float* shift = parameters(chunks, scratch, dims.c,
                                  [=](int64_t j) { return -scale_of(j) * sums[j] / count; });
  chunks.for_each([=](int64_t first, int64_t rows, int64_t columns, int64_t) {
    kernel.normalize_backward(rows, columns, src + first, diff_dst + first, means, scale, slope,
                              shift, diff_src + first);
  });
}

}  // namespace cnnx
