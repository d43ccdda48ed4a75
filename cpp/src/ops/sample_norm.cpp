#include "cnnx/sample_norm.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/kernel_table.hpp"
#include "ops/column_chunks.hpp"

namespace cnnx {
namespace {

bool is_row(const SampleNormDims& d) { return d.pixels == 1 && d.groups == 1; }

void rows_forward(const SampleNormDims& d, const float* src, const Affine& affine, float epsilon,
                  float* dst, float* mean, float* inv_std) {
  const auto kernel = kernels().row_norm.forward;
  parallel_for(threads_for_rows(d.samples, d.each), d.samples,
               [&](int64_t begin, int64_t end, int) {
                 for (int64_t r = begin; r < end; ++r) {
                   const RowStatistics row =
                       kernel(d.each, d.centered, d.averaged, epsilon, src + r * d.each,
                              affine.gamma, affine.beta, dst + r * d.each);
                   mean[r] = row.mean;
                   inv_std[r] = row.inv_std;
                 }
               });
}

void rows_backward(const SampleNormDims& d, const float* src, const float* diff_dst,
                   const float* gamma, const float* mean, const float* inv_std,
                   const BatchNormGradients& gradients) {
  const auto kernel = kernels().row_norm.backward;
  const ColumnChunks chunks(d.samples, d.each);
  Scratchpad scratch(chunks.sum_scratch(2) + 2 * Scratchpad::padded(d.each), chunks.threads());
  float *const gamma_sums = scratch.take(d.each), *const beta_sums = scratch.take(d.each);
  chunks.sum<2>(scratch, {gamma_sums, beta_sums}, [&](const auto& chunk, const auto& to) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.rows; ++r) {
      const int64_t first = r * d.each;
      kernel(d.each, d.centered, d.averaged, {mean[r], inv_std[r]}, src + first, diff_dst + first,
             gamma, gradients.src == nullptr ? nullptr : gradients.src + first,
             gradients.gamma == nullptr ? nullptr : to[0],
             gradients.beta == nullptr ? nullptr : to[1]);
    }
  });
  if (gradients.gamma != nullptr) std::copy_n(gamma_sums, d.each, gradients.gamma);
  if (gradients.beta != nullptr) std::copy_n(beta_sums, d.each, gradients.beta);
}

// The pixels of all samples, in chunks that depend on the shape alone.
class SampleChunks {
 public:
  struct Chunk {
    int64_t index, sample, first_float, first_row, rows;
    int thread;
  };

  explicit SampleChunks(const SampleNormDims& d)
      : columns_(d.pixels, d.c()),
        pixels_(d.pixels),
        c_(d.c()),
        count_(d.samples * columns_.count()),
        threads_(threads_for_rows(count_, columns_.most_rows() * c_)) {}

  const ColumnChunks& columns() const { return columns_; }
  int64_t count() const { return count_; }
  int threads() const { return threads_; }

  template <typename Body>
  void for_each(Body body) const {
    parallel_for(threads_, count_, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t sample = i / columns_.count(), within = i % columns_.count();
        body(Chunk{i, sample, sample * pixels_ * c_, within * columns_.rows(0),
                   columns_.rows(within), thread});
      }
    });
  }
  // As ColumnChunks::widen, in all samples.
  template <typename Body>
  void widen(const Chunk& chunk, Body body) const {
    columns_.widen(chunk.first_row, chunk.rows, [&](int64_t first, int64_t rows, int64_t width) {
      body(chunk.first_float + first, rows, width);
    });
  }

 private:
  ColumnChunks columns_;
  int64_t pixels_, c_, count_;
  int threads_;
};

float sum_of(int64_t n, const float* values) {
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += values[i];
  return static_cast<float>(sum);
}

// A value for each column, from that of its group, repeated as the chunks need it.
template <typename Value>
void spread(const SampleNormDims& d, const ColumnChunks& columns, float* values, Value value) {
  for (int64_t g = 0; g < d.groups; ++g) {
    for (int64_t j = g * d.each; j < (g + 1) * d.each; ++j) values[j] = value(g, j);
  }
  columns.repeat(values);
}

// Writes three floats for each group of a chunk: its mean, and the sums of the deviations from that
// (what rounding left) and of their squares. `put_together` makes the samples' statistics of them.
void find_moments(const SampleNormDims& d, const SampleChunks& chunks, const float* src,
                  const SampleChunks::Chunk& chunk, float* scratch, float* moments) {
  const BatchNormKernels& kernel = kernels().batch_norm;
  const ColumnChunks& columns = chunks.columns();
  const int64_t width = columns.width();
  float *const means = scratch, *const sums = means + width, *const squares = sums + width;
  std::fill_n(scratch, 3 * width, 0.0f);
  if (d.centered) {
    chunks.widen(chunk, [&](int64_t first, int64_t rows, int64_t wide) {
      kernel.add_column_sums(rows, wide, src + first, means);
    });
    columns.fold(means);
    const auto elements = static_cast<float>(chunk.rows * d.each);
    for (int64_t g = 0; g < d.groups; ++g) {
      moments[3 * g] = sum_of(d.each, means + g * d.each) / elements;
    }
    spread(d, columns, means, [&](int64_t g, int64_t) { return moments[3 * g]; });
  }
  chunks.widen(chunk, [&](int64_t first, int64_t rows, int64_t wide) {
    kernel.add_deviations(rows, wide, src + first, means, sums, squares);
  });
  columns.fold(sums);
  columns.fold(squares);
  for (int64_t g = 0; g < d.groups; ++g) {
    const int64_t first = g * d.each;
    moments[3 * g] = means[first];
    moments[3 * g + 1] = sum_of(d.each, sums + first);
    moments[3 * g + 2] = sum_of(d.each, squares + first);
  }
}

void put_together(const SampleNormDims& d, const SampleChunks& chunks, const float* moments,
                  float epsilon, float* mean, float* inv_std) {
  const int64_t of_sample = chunks.columns().count();
  for (int64_t i = 0; i < d.samples * d.groups; ++i) {
    const int64_t sample = i / d.groups, group = i % d.groups;
    const auto sum_over_chunks = [&](auto term) {
      double total = 0.0;
      for (int64_t chunk = 0; chunk < of_sample; ++chunk) {
        const auto elements = static_cast<double>(chunks.columns().rows(chunk) * d.each);
        const float* const of = moments + ((sample * of_sample + chunk) * d.groups + group) * 3;
        total += term(elements, of[0], of[1], of[2]);
      }
      return total;
    };
    double middle = 0.0;
    if (d.centered) {
      middle = sum_over_chunks([](double n, double mean_of_chunk, double sum, double) {
                 return n * mean_of_chunk + sum;
               }) /
               static_cast<double>(d.pixels * d.each);
    }
    const double variance =
        sum_over_chunks([=](double n, double mean_of_chunk, double sum, double squares) {
          const double distance = mean_of_chunk - middle;
          return squares + distance * (2.0 * sum + n * distance);
        }) /
        static_cast<double>(d.divisor());
    mean[i] = static_cast<float>(middle);
    inv_std[i] = static_cast<float>(1.0 / std::sqrt(std::max(variance, 0.0) + epsilon));
  }
}

void groups_forward(const SampleNormDims& d, const float* src, const Affine& affine, float epsilon,
                    float* dst, float* mean, float* inv_std) {
  const SampleChunks chunks(d);
  const ColumnChunks& columns = chunks.columns();
  const int64_t width = columns.width();
  const int64_t moment_floats = chunks.count() * d.groups * 3;
  Scratchpad scratch(Scratchpad::padded(moment_floats), chunks.threads(),
                     Scratchpad::padded(3 * width));
  float* const moments = scratch.take(moment_floats);
  chunks.for_each([&](const SampleChunks::Chunk& chunk) {
    find_moments(d, chunks, src, chunk, scratch.of_thread(chunk.thread),
                 moments + chunk.index * d.groups * 3);
  });
  put_together(d, chunks, moments, epsilon, mean, inv_std);
  chunks.for_each([&](const SampleChunks::Chunk& chunk) {
    float* const means = scratch.of_thread(chunk.thread);
    float *const scale = means + width, *const shift = scale + width;
    const int64_t first_group = chunk.sample * d.groups;
    const float *const m = mean + first_group, *const r = inv_std + first_group;
    spread(d, columns, means, [&](int64_t g, int64_t) { return m[g]; });
    spread(d, columns, scale, [&](int64_t g, int64_t j) {
      return affine.gamma == nullptr ? r[g] : affine.gamma[j] * r[g];
    });
    spread(d, columns, shift,
           [&](int64_t, int64_t j) { return affine.beta == nullptr ? 0.0f : affine.beta[j]; });
    chunks.widen(chunk, [&](int64_t first, int64_t rows, int64_t wide) {
      kernels().batch_norm.linear.forward(rows, wide, src + first, nullptr, {means, scale, shift},
                                          dst + first);
    });
  });
}

void groups_backward(const SampleNormDims& d, const float* src, const float* diff_dst,
                     const float* gamma, const float* mean, const float* inv_std,
                     const BatchNormGradients& gradients) {
  const SampleChunks chunks(d);
  const ColumnChunks& columns = chunks.columns();
  const int64_t width = columns.width(), c = d.c(), of_sample = columns.count();
  Scratchpad scratch(
      Scratchpad::padded(chunks.count() * 2 * width) + Scratchpad::padded(2 * d.samples * d.groups),
      chunks.threads(), Scratchpad::padded(4 * width));
  float* const partials = scratch.take(chunks.count() * 2 * width);
  float* const totals = scratch.take(2 * d.samples * d.groups);
  const NormalizationKernels& kernel = kernels().batch_norm.linear;
  chunks.for_each([&](const SampleChunks::Chunk& chunk) {
    float* const means = scratch.of_thread(chunk.thread);
    float *const sums = partials + chunk.index * 2 * width, *const products = sums + width;
    spread(d, columns, means,
           [&](int64_t g, int64_t) { return mean[chunk.sample * d.groups + g]; });
    std::fill_n(sums, 2 * width, 0.0f);
    chunks.widen(chunk, [&](int64_t first, int64_t rows, int64_t wide) {
      kernel.add_sums(rows, wide, src + first, diff_dst + first, {means, means, means}, sums,
                      products);
    });
    columns.fold(sums);
    columns.fold(products);
  });

  if (gradients.gamma != nullptr) std::fill_n(gradients.gamma, c, 0.0f);
  if (gradients.beta != nullptr) std::fill_n(gradients.beta, c, 0.0f);
  const auto elements = static_cast<float>(d.pixels * d.each);
  const auto divisor = static_cast<float>(d.divisor());
  for (int64_t s = 0; s < d.samples; ++s) {
    float *const sums = partials + s * of_sample * 2 * width, *const products = sums + width;
    for (int64_t i = 1; i < of_sample; ++i) {
      for (int64_t j = 0; j < c; ++j) {
        sums[j] += sums[i * 2 * width + j];
        products[j] += products[i * 2 * width + j];
      }
    }
    for (int64_t g = 0; g < d.groups; ++g) {
      float* const total = totals + (s * d.groups + g) * 2;
      total[0] = total[1] = 0.0f;
      for (int64_t j = g * d.each; j < (g + 1) * d.each; ++j) {
        const float factor = gamma == nullptr ? 1.0f : gamma[j];
        products[j] *= inv_std[s * d.groups + g];
        total[0] += factor * sums[j] / elements;
        total[1] += factor * products[j] / divisor;
        if (gradients.beta != nullptr) gradients.beta[j] += sums[j];
        if (gradients.gamma != nullptr) gradients.gamma[j] += products[j];
      }
    }
  }
  if (gradients.src == nullptr) return;

  // diff_src = inv_std (gamma diff_dst - total[0] - (src - mean) inv_std total[1])
  chunks.for_each([&](const SampleChunks::Chunk& chunk) {
    float* const means = scratch.of_thread(chunk.thread);
    float *const scale = means + width, *const slope = scale + width, *const offset = slope + width;
    const int64_t first_group = chunk.sample * d.groups;
    const float *const m = mean + first_group, *const r = inv_std + first_group;
    const float* const total = totals + 2 * first_group;
    spread(d, columns, means, [&](int64_t g, int64_t) { return m[g]; });
    spread(d, columns, scale,
           [&](int64_t g, int64_t j) { return gamma == nullptr ? r[g] : gamma[j] * r[g]; });
    spread(d, columns, slope, [&](int64_t g, int64_t) { return -r[g] * r[g] * total[2 * g + 1]; });
    spread(d, columns, offset,
           [&](int64_t g, int64_t) { return d.centered ? -r[g] * total[2 * g] : 0.0f; });
    chunks.widen(chunk, [&](int64_t first, int64_t rows, int64_t wide) {
      kernel.backward(rows, wide, src + first, diff_dst + first, {means, scale, means}, slope,
                      offset, gradients.src + first);
    });
  });
}

}  // namespace

void sample_norm_forward(const SampleNormDims& d, const float* src, const Affine& affine,
                         float epsilon, float* dst, float* mean, float* inv_std) {
  (is_row(d) ? rows_forward : groups_forward)(d, src, affine, epsilon, dst, mean, inv_std);
}

void sample_norm_backward(const SampleNormDims& d, const float* src, const float* diff_dst,
                          const float* gamma, const float* mean, const float* inv_std,
                          const BatchNormGradients& gradients) {
  (is_row(d) ? rows_backward : groups_backward)(d, src, diff_dst, gamma, mean, inv_std, gradients);
}

}  // namespace cnnx
