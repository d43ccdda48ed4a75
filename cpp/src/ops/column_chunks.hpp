#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// How work on the columns of a contiguous (rows, c) matrix is cut: into chunks of whole rows that
// depend on the shape alone. A narrow matrix is read as one with `repeat` times the columns and
// fewer rows, so that vectors are full; the rows that are left over make one shorter row.
class ColumnChunks {
 public:
  ColumnChunks(int64_t rows, int64_t c)
      : c_(c),
        repeat_(c < kNarrow && rows >= kNarrow ? kNarrow : 1),
        wide_rows_(rows / repeat_),
        rest_(rows % repeat_ * c),
        chunk_rows_(std::max<int64_t>(kChunkFloats / std::max<int64_t>(width(), 1), kMinRows)) {}

  int64_t width() const { return c_ * repeat_; }

  // Columns of parameters: the first c floats, repeated over width().
  void repeat(float* values) const {
    for (int64_t r = 1; r < repeat_; ++r) std::copy_n(values, c_, values + r * c_);
  }

  // Calls body(first, rows, columns, chunk): `rows` rows of `columns` floats from float `first` on.
  template <typename Body>
  void for_each(Body body) const {
    const int threads =
        threads_for(count(), std::max<int64_t>(1, kElementwiseGrain / kChunkFloats));
    parallel_for(threads, count(), [&](int64_t begin, int64_t end, int) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        const int64_t first = chunk * chunk_rows_;
        body(first * width(), std::min(chunk_rows_, wide_rows_ - first), width(), chunk);
        if (chunk == count() - 1 && rest_ > 0) body(wide_rows_ * width(), 1, rest_, chunk);
      }
    });
  }

  // Scratch that sum<Sums> takes.
  int64_t sum_scratch(int64_t sums) const { return Scratchpad::padded(count() * sums * width()); }

  // totals[s][column] = sum over the rows, where add(first, rows, columns, sums) adds a piece's
  // rows to sums[Sums].
  template <size_t Sums, typename Add>
  void sum(Scratchpad& scratch, const std::array<float*, Sums>& totals, Add add) const {
    constexpr auto kSums = static_cast<int64_t>(Sums);
    float* const partials = scratch.take(count() * kSums * width());
    std::fill_n(partials, count() * kSums * width(), 0.0f);
    for_each([&](int64_t first, int64_t rows, int64_t columns, int64_t chunk) {
      std::array<float*, Sums> sums;
      for (size_t s = 0; s < Sums; ++s) {
        sums[s] = partials + (chunk * kSums + static_cast<int64_t>(s)) * width();
      }
      add(first, rows, columns, sums);
    });
    for (int64_t chunk = 1; chunk < count(); ++chunk) {
      const float* const partial = partials + chunk * kSums * width();
      for (int64_t i = 0; i < kSums * width(); ++i) partials[i] += partial[i];
    }
    for (size_t s = 0; s < Sums; ++s) {
      const float* const partial = partials + static_cast<int64_t>(s) * width();
      for (int64_t j = 0; j < c_; ++j) {
        float total = 0.0f;
        for (int64_t r = 0; r < repeat_; ++r) total += partial[r * c_ + j];
        totals[s][j] = total;
      }
    }
  }

 private:
  static constexpr int64_t kNarrow = 16, kChunkFloats = 16384, kMinRows = 64;

  int64_t count() const {
    return std::max<int64_t>((wide_rows_ + chunk_rows_ - 1) / chunk_rows_, 1);
  }

  int64_t c_, repeat_, wide_rows_, rest_, chunk_rows_;
};

}  // namespace cnnx
