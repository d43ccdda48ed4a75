#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/images.hpp"
#include "ops/column_chunks.hpp"
#include "ops/normalized_pixels.hpp"
#include "ops/strips.hpp"

namespace cnnx {

// What the gradient of a normalisation needs of that of its output: the sums over all pixels of the
// latter, and of its products with src - mean, (2, c). An operation that makes the gradient strip
// by strip adds up each while it is in the cache.
class GradientSums {
 public:
  GradientSums(const float* src, int64_t pixels, int64_t c, const Normalization& normalization,
               float* sums)
      : src_(src),
        c_(c),
        chunks_(pixels, c),
        kernel_(rectifying(normalization.activation)),
        columns_{normalization.mean, normalization.scale, normalization.shift},
        sums_(sums) {}

  // Shared scratch for so many strips.
  int64_t scratch(int64_t strips) const {
    return 3 * Scratchpad::padded(chunks_.width()) + Scratchpad::padded(strips * size());
  }
  void begin(Scratchpad& scratch, int64_t strips) {
    for (const float** column : {&columns_.mean, &columns_.scale, &columns_.shift}) {
      float* const repeated = scratch.take(chunks_.width());
      std::copy_n(*column, c_, repeated);
      chunks_.repeat(repeated);
      *column = repeated;
    }
    strips_ = strips;
    partials_ = scratch.take(strips * size());
  }
  // What `add` reads besides the gradient.
  Later later(int64_t first_pixel, int64_t pixels) const {
    return {src_ + first_pixel * c_, pixels * c_};
  }
  // Adds the sums of a strip, once.
  void add(int64_t strip, int64_t first_pixel, int64_t pixels, const float* gradient) const {
    float *const sums = partials_ + strip * size(), *const products = sums + chunks_.width();
    std::fill_n(sums, size(), 0.0f);
    const int64_t most = chunks_.most_rows();
    for (int64_t p = first_pixel; p < first_pixel + pixels; p += most) {
      chunks_.widen(p, std::min(most, first_pixel + pixels - p),
                    [&](int64_t first, int64_t rows, int64_t width) {
                      kernel_->add_sums(rows, width, src_ + first, gradient + first, columns_, sums,
                                        products);
                    });
    }
  }
  void end() const {
    for (int64_t strip = 1; strip < strips_; ++strip) {
      for (int64_t i = 0; i < size(); ++i) partials_[i] += partials_[strip * size() + i];
    }
    for (int64_t s = 0; s < 2; ++s) {
      float* const sums = partials_ + s * chunks_.width();
      chunks_.fold(sums);
      std::copy_n(sums, c_, sums_ + s * c_);
    }
  }
  // Whether that was done.
  bool complete() const { return partials_ != nullptr; }
  // Of a gradient that is there already.
  void add_up(const float* gradient) {
    const int64_t strips = chunks_.count();
    Scratchpad shared(scratch(strips), chunks_.threads());
    begin(shared, strips);
    chunks_.for_each([&](const ColumnChunks::Chunk& chunk) {
      add(chunk.index, chunk.first, chunk.rows, gradient);
    });
    end();
  }

 private:
  int64_t size() const { return 2 * chunks_.width(); }

  const float* src_;
  int64_t c_;
  ColumnChunks chunks_;
  const NormalizationKernels* kernel_;
  NormalizedColumns columns_;
  float* sums_;
  int64_t strips_ = 0;
  float* partials_ = nullptr;
};

}  // namespace cnnx
