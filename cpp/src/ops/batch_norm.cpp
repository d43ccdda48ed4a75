#include "cnnx/batch_norm.hpp"

#include <cmath>

#include "kernels/kernel_table.hpp"
#include "ops/activation.hpp"
#include "ops/column_chunks.hpp"
#include "ops/epilogue.hpp"
#include "ops/image_rows.hpp"
#include "ops/normalized_pixels.hpp"

namespace cnnx {
namespace {

using Chunk = ColumnChunks::Chunk;

float inverse_std(float variance, float epsilon) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(variance) + epsilon));
}

// Images that are pooled are cut between the pairs of rows, all others anywhere.
ColumnChunks chunks_of(const BatchNormDims& d, bool pooled) {
  return pooled ? ColumnChunks(d.rows(), d.c, 2 * d.w, d.h * d.w) : ColumnChunks(d.rows(), d.c);
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

int64_t statistics_scratch(const ColumnChunks& chunks) {
  return Scratchpad::padded(chunks.count() * 3 * chunks.width());
}

// Mean and variance of the columns in one pass over memory: each chunk gives, while it is in the
// cache, its mean, and the sums of its deviations from that (what rounding left) and of their
// squares, which are then put together (Chan, Golub & LeVeque 1983).
void find_statistics(const BatchNormDims& d, const ColumnChunks& chunks, Scratchpad& scratch,
                     const float* src, float* mean, float* variance) {
  const BatchNormKernels& kernel = kernels().batch_norm;
  const int64_t width = chunks.width(), size = 3 * width;
  float* const partials = scratch.take(chunks.count() * size);
  chunks.for_each([&](const Chunk& chunk) {
    float* const means = partials + chunk.index * size;
    float *const sums = means + width, *const squares = sums + width;
    std::fill_n(means, size, 0.0f);
    chunks.widen(chunk.first, chunk.rows, [&](int64_t first, int64_t rows, int64_t columns) {
      kernel.add_column_sums(rows, columns, src + first, means);
    });
    chunks.fold(means);
    for (int64_t j = 0; j < d.c; ++j) means[j] /= static_cast<float>(chunk.rows);
    chunks.repeat(means);
    chunks.widen(chunk.first, chunk.rows, [&](int64_t first, int64_t rows, int64_t columns) {
      kernel.add_deviations(rows, columns, src + first, means, sums, squares);
    });
    chunks.fold(sums);
    chunks.fold(squares);
  });
  const auto rows = static_cast<float>(d.rows());
  std::fill_n(mean, d.c, 0.0f);
  std::fill_n(variance, d.c, 0.0f);
  // First the mean's distance from the first chunk's, which needs fewer digits.
  for (int64_t i = 0; i < chunks.count(); ++i) {
    const float *const means = partials + i * size, *const sums = means + width;
    const auto count = static_cast<float>(chunks.rows(i));
    for (int64_t j = 0; j < d.c; ++j) mean[j] += count * (means[j] - partials[j]) + sums[j];
  }
  for (int64_t j = 0; j < d.c; ++j) mean[j] = partials[j] + mean[j] / rows;
  for (int64_t i = 0; i < chunks.count(); ++i) {
    const float *const means = partials + i * size, *const sums = means + width;
    const float* const squares = sums + width;
    const auto count = static_cast<float>(chunks.rows(i));
    for (int64_t j = 0; j < d.c; ++j) {
      const float distance = means[j] - mean[j];
      variance[j] += squares[j] + distance * (2.0f * sums[j] + count * distance);
    }
  }
  for (int64_t j = 0; j < d.c; ++j) variance[j] = std::max(variance[j] / rows, 0.0f);
}

template <typename InvStd>
NormalizedColumns normalized_columns(const ColumnChunks& chunks, Scratchpad& scratch, int64_t c,
                                     const Affine& affine, const float* mean, InvStd inv_std) {
  return {
      parameters(chunks, scratch, c, [&](int64_t j) { return mean[j]; }),
      parameters(chunks, scratch, c,
                 [&](int64_t j) { return or_else(affine.gamma, j, 1.0f) * inv_std(j); }),
      parameters(chunks, scratch, c, [&](int64_t j) { return or_else(affine.beta, j, 0.0f); }),
  };
}
int64_t columns_scratch(const ColumnChunks& chunks) {
  return 3 * Scratchpad::padded(chunks.width());
}

struct NormalizedRows {
  ColumnChunks chunks;
  NormalizedColumns columns;
  const float* src;
  int64_t c;
  const float* addend = nullptr;

  // out = activation of `rows` rows from first_row on
  void copy(int64_t first_row, int64_t rows, const Activation& activation, float* out) const {
    const NormalizationKernels* const kernel = rectifying(activation);
    const auto normalize = (kernel == nullptr ? kernels().batch_norm.linear : *kernel).forward;
    chunks.widen(first_row, rows, [&](int64_t first, int64_t wide_rows, int64_t width) {
      normalize(wide_rows, width, src + first, addend == nullptr ? nullptr : addend + first,
                columns, out + (first - first_row * c));
    });
    if (kernel != nullptr) return;
    ActivationCall(activation).forward(rows * c, out, out);
  }
};

// Scratch of a thread for two rows of pixels.
int64_t pair_scratch(const BatchNormDims& d, bool pooled) {
  return pooled ? Scratchpad::padded(2 * d.w * d.c) : 0;
}

// Makes the outputs: a chunk's rows, or pairs of rows in scratch that are then pooled.
template <typename InvStd>
void finish(const BatchNormDims& d, const ColumnChunks& chunks, Scratchpad& scratch,
            const float* src, const Affine& affine, const float* mean, InvStd inv_std,
            const Epilogue& epilogue, float* dst) {
  const NormalizedRows normalized = {
      chunks, normalized_columns(chunks, scratch, d.c, affine, mean, inv_std), src, d.c,
      epilogue.addend};
  const Clipping clipped = clipping(epilogue);
  const ActivationCall call(clipped.rest.activation);
  const auto pool = kernels().pool2x2.forward;
  const int64_t row = d.w * d.c, pooled_row = d.w / 2 * d.c;
  chunks.for_each_backwards([&](const Chunk& chunk) {
    if (epilogue.pool == Pooling::none) {
      normalized.copy(chunk.first, chunk.rows, epilogue.activation, dst + chunk.first * d.c);
      return;
    }
    float* const pair = scratch.of_thread(chunk.thread);
    const auto pooled_rows = [&](int64_t pixel) {  // of all images up to this pixel
      return pixel / d.w / d.h * (d.h / 2) + pixel / d.w % d.h / 2;
    };
    const int64_t end = pooled_rows(chunk.first + chunk.rows);
    for (int64_t y = pooled_rows(chunk.first); y < end; ++y) {
      const int64_t above = y / (d.h / 2) * d.h + y % (d.h / 2) * 2;
      float* const out = dst + y * pooled_row;
      normalized.copy(above * d.w, 2 * d.w, Activation::linear, pair);
      pool(d.w / 2, d.c, pair, pair + row, d.c, out,
           epilogue.codes == nullptr ? nullptr : epilogue.codes + y * pooled_row, d.c,
           clipped.range);
      if (clipped.rest.activation != Activation::linear) call.forward(pooled_row, out, out);
    }
  });
}

// The gradient of a chunk's rows, un-pooled and but for a rectifier's times the activation's
// derivative. With an addend, times that of ReLU too.
class ChunkGradient {
 public:
  ChunkGradient(const BatchNormDims& d, Images diff_dst, const Activation& activation,
                const AddedOutput& added)
      : images_(diff_dst, d.h, d.w, d.c), activation_(activation), added_(added), d_(d) {
    if (added.diff_addend == diff_dst.data && activation == Activation::linear) {
      added_.diff_addend = nullptr;
    }
  }

  // What a thread needs for `of`.
  int64_t scratch(const ColumnChunks& chunks) const {
    const int64_t floats = Scratchpad::padded(chunks.most_rows() * d_.c);
    return (images_.in_memory() ? 0 : floats) + (has_derivative() ? 2 * floats : 0);
  }

  // Makes it, in scratch or in the addend's gradient.
  const float* of(const Chunk& chunk, const NormalizedRows& normalized, float* scratch) const {
    const int64_t floats = chunk.rows * d_.c, first = chunk.first * d_.c;
    const float* gradient = images_.at(0, 0, chunk.first);
    if (!images_.in_memory()) {
      for (int64_t y = chunk.first / d_.w; y < (chunk.first + chunk.rows) / d_.w; ++y) {
        images_.copy(y / d_.h, y % d_.h, 0, d_.w, scratch + (y * d_.w - chunk.first) * d_.c);
      }
      gradient = scratch;
      scratch += Scratchpad::padded(floats);
    }
    const ActivationCall call(activation_);
    if (added_.diff_addend != nullptr) {
      float* const diff_addend = added_.diff_addend + first;
      call.backward(floats, added_.dst == nullptr ? gradient : added_.dst + first, gradient,
                    diff_addend);
      return diff_addend;
    }
    if (!has_derivative()) return gradient;
    const float* outputs = added_.dst + first;
    if (added_.dst == nullptr) {
      // They are computed anew: that takes no longer than to read them.
      float* const anew = scratch + Scratchpad::padded(floats);
      normalized.copy(chunk.first, chunk.rows, activation_, anew);
      outputs = anew;
    }
    call.backward(floats, outputs, gradient, scratch);
    return scratch;
  }
  // The same once more.
  const float* again(const Chunk& chunk, const NormalizedRows& normalized, float* scratch) const {
    if (added_.diff_addend != nullptr) return added_.diff_addend + chunk.first * d_.c;
    return of(chunk, normalized, scratch);
  }

 private:
  bool has_derivative() const {
    const bool on_the_way = rectifying(activation_) != nullptr && added_.dst == nullptr;
    return activation_ != Activation::linear && !on_the_way;
  }

  ImageRows images_;
  Activation activation_;
  AddedOutput added_;
  BatchNormDims d_;
};

// Moves the moving statistics, and makes inv_std of the variance.
void follow(int64_t c, const float* mean, float epsilon, float* inv_std,
            const MovingStatistics& moving) {
  const float kept = moving.momentum, added = 1.0f - moving.momentum;
  for (int64_t j = 0; j < c; ++j) {
    const float variance = inv_std[j];
    inv_std[j] = inverse_std(variance, epsilon);
    moving.mean[j] = kept * moving.mean[j] + added * mean[j];
    moving.variance[j] = kept * moving.variance[j] + added * variance;
  }
}

// The gradients, from the sums over the rows of that of the normalised columns and of its products
// with src - mean. gradient(chunk) is that of a chunk.
template <typename Gradient>
void differentiate(const BatchNormDims& dims, const ColumnChunks& chunks, Scratchpad& scratch,
                   const NormalizationKernels& kernel, const float* src,
                   const NormalizedColumns& columns, const float* inv_std, const float* sums,
                   float* products, const BatchNormGradients& gradients, Gradient gradient) {
  for (int64_t j = 0; j < dims.c; ++j) products[j] *= inv_std[j];
  if (gradients.beta != nullptr) std::copy_n(sums, dims.c, gradients.beta);
  if (gradients.gamma != nullptr) std::copy_n(products, dims.c, gradients.gamma);
  if (gradients.src == nullptr) return;

  // diff_src = scale (gradient - sums / rows - (src - mean) inv_std products / rows)
  const float* const scale = columns.scale;
  const auto count = static_cast<float>(dims.rows());
  const float* slope = parameters(chunks, scratch, dims.c, [=](int64_t j) {
    return -scale[j] * inv_std[j] * products[j] / count;
  });
  const float* offset =
      parameters(chunks, scratch, dims.c, [=](int64_t j) { return -scale[j] * sums[j] / count; });
  chunks.for_each_backwards([&](const Chunk& chunk) {
    const float* const dy = gradient(chunk);
    chunks.widen(chunk.first, chunk.rows, [&](int64_t first, int64_t rows, int64_t width) {
      kernel.backward(rows, width, src + first, dy + (first - chunk.first * dims.c), columns, slope,
                      offset, gradients.src + first);
    });
  });
}

}  // namespace

void batch_norm_statistics(const BatchNormDims& dims, const float* src, const Affine& affine,
                           float epsilon, float* mean, float* inv_std, float* scale, float* shift,
                           const MovingStatistics& moving) {
  const ColumnChunks chunks = chunks_of(dims, false);
  Scratchpad scratch(statistics_scratch(chunks), chunks.threads());
  find_statistics(dims, chunks, scratch, src, mean, inv_std);
  follow(dims.c, mean, epsilon, inv_std, moving);
  for (int64_t j = 0; j < dims.c; ++j) {
    scale[j] = or_else(affine.gamma, j, 1.0f) * inv_std[j];
    shift[j] = or_else(affine.beta, j, 0.0f);
  }
}

void batch_norm_forward_training(const BatchNormDims& dims, const float* src, const Affine& affine,
                                 float epsilon, const Epilogue& epilogue, float* dst, float* mean,
                                 float* inv_std, const MovingStatistics& moving) {
  const ColumnChunks chunks = chunks_of(dims, epilogue.pool != Pooling::none);
  Scratchpad scratch(statistics_scratch(chunks) + columns_scratch(chunks), chunks.threads(),
                     pair_scratch(dims, epilogue.pool != Pooling::none));
  find_statistics(dims, chunks, scratch, src, mean, inv_std);
  follow(dims.c, mean, epsilon, inv_std, moving);
  finish(
      dims, chunks, scratch, src, affine, mean, [=](int64_t j) { return inv_std[j]; }, epilogue,
      dst);
}

void batch_norm_recompute(const BatchNormDims& dims, const float* src, const Affine& affine,
                          const float* mean, const float* inv_std, const Epilogue& epilogue,
                          float* dst) {
  const ColumnChunks chunks = chunks_of(dims, false);
  Scratchpad scratch(columns_scratch(chunks), chunks.threads());
  finish(
      dims, chunks, scratch, src, affine, mean, [=](int64_t j) { return inv_std[j]; }, epilogue,
      dst);
}

void batch_norm_forward_inference(const BatchNormDims& dims, const float* src, const Affine& affine,
                                  const float* moving_mean, const float* moving_variance,
                                  float epsilon, const Epilogue& epilogue, float* dst) {
  const ColumnChunks chunks = chunks_of(dims, epilogue.pool != Pooling::none);
  Scratchpad scratch(columns_scratch(chunks), chunks.threads(),
                     pair_scratch(dims, epilogue.pool != Pooling::none));
  finish(
      dims, chunks, scratch, src, affine, moving_mean,
      [=](int64_t j) { return inverse_std(moving_variance[j], epsilon); }, epilogue, dst);
}

void batch_norm_backward(const BatchNormDims& dims, const float* src, Images diff_dst,
                         const Activation& activation, const Affine& affine, const float* mean,
                         const float* inv_std, const BatchNormGradients& gradients,
                         const AddedOutput& added) {
  const NormalizationKernels* const rectified =
      added.dst == nullptr ? rectifying(activation) : nullptr;
  const NormalizationKernels& kernel =
      rectified == nullptr ? kernels().batch_norm.linear : *rectified;
  const ColumnChunks chunks = chunks_of(dims, diff_dst.codes != nullptr);
  const ChunkGradient gradient(dims, diff_dst, activation, added);
  Scratchpad scratch(2 * Scratchpad::padded(dims.c) + columns_scratch(chunks) +
                         chunks.sum_scratch(2) + 2 * Scratchpad::padded(chunks.width()),
                     chunks.threads(), gradient.scratch(chunks));
  float* const sums = scratch.take(dims.c);
  float* const products = scratch.take(dims.c);
  const NormalizedColumns columns = normalized_columns(chunks, scratch, dims.c, affine, mean,
                                                       [=](int64_t j) { return inv_std[j]; });
  const NormalizedRows normalized = {chunks, columns, src, dims.c};

  chunks.sum<2>(scratch, {sums, products}, [&](const Chunk& chunk, const auto& to) {
    const float* const dy = gradient.of(chunk, normalized, scratch.of_thread(chunk.thread));
    chunks.widen(chunk.first, chunk.rows, [&](int64_t first, int64_t rows, int64_t width) {
      kernel.add_sums(rows, width, src + first, dy + (first - chunk.first * dims.c), columns, to[0],
                      to[1]);
    });
  });
  differentiate(dims, chunks, scratch, kernel, src, columns, inv_std, sums, products, gradients,
                [&](const Chunk& chunk) {
                  return gradient.again(chunk, normalized, scratch.of_thread(chunk.thread));
                });
}

void batch_norm_backward_from_sums(const BatchNormDims& dims, const float* src,
                                   const float* diff_dst, const Normalization& normalization,
                                   const float* inv_std, const float* sums, float* products,
                                   const BatchNormGradients& gradients) {
  const ColumnChunks chunks = chunks_of(dims, false);
  Scratchpad scratch(columns_scratch(chunks) + 2 * Scratchpad::padded(chunks.width()),
                     chunks.threads());
  const NormalizedColumns columns = {
      parameters(chunks, scratch, dims.c, [=](int64_t j) { return normalization.mean[j]; }),
      parameters(chunks, scratch, dims.c, [=](int64_t j) { return normalization.scale[j]; }),
      parameters(chunks, scratch, dims.c, [=](int64_t j) { return normalization.shift[j]; }),
  };
  differentiate(dims, chunks, scratch, *rectifying(normalization.activation), src, columns, inv_std,
                sums, products, gradients,
                [&](const Chunk& chunk) { return diff_dst + chunk.first * dims.c; });
}

}  // namespace cnnx
