#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>

#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// How work on the columns of a contiguous (rows, c) matrix is cut: into chunks of whole rows that
// depend on the shape alone. Narrow rows are read side by side, `repeat` of them as one wide row,
// so that vectors are full; what is left over makes one shorter row.
class ColumnChunks {
 public:
  struct Chunk {
    int64_t index, first, rows;
    int thread;
  };

  // Chunks end at every `unit`-th row, counted anew in each group of `group` rows.
  ColumnChunks(int64_t rows, int64_t c, int64_t unit = 1, int64_t group = 1)
      : c_(c),
        unit_(unit),
        group_(group),
        per_group_(ceil_div(group, unit)),
        units_(rows / group * per_group_),
        chunk_units_(std::max<int64_t>(
            std::max(kChunkFloats / std::max<int64_t>(c, 1), kMinRows) / unit, 1)),
        repeat_(1),
        threads_(threads_for_rows(count(), most_rows() * c_)) {
    if (c == 0 || c >= kWide) return;
    int64_t repeat = kVector / std::gcd(c, kVector);
    while (repeat * c < kWide) repeat *= 2;
    if (repeat <= rows) repeat_ = repeat;
  }

  int64_t width() const { return c_ * repeat_; }
  int64_t count() const { return std::max<int64_t>(ceil_div(units_, chunk_units_), 1); }
  int64_t rows(int64_t chunk) const { return first_row(chunk + 1) - first_row(chunk); }
  int64_t most_rows() const { return std::min(chunk_units_, units_) * unit_; }
  int threads() const { return threads_; }

  // Columns of parameters: the first c floats, repeated over width().
  void repeat(float* values) const {
    for (int64_t r = 1; r < repeat_; ++r) std::copy_n(values, c_, values + r * c_);
  }
  // Columns of sums: adds the repetitions to the first c floats.
  void fold(float* sums) const {
    for (int64_t r = 1; r < repeat_; ++r) {
      for (int64_t j = 0; j < c_; ++j) sums[j] += sums[r * c_ + j];
    }
  }

  // Calls body(first, wide_rows, columns), where the wide row starts at float `first`, for some
  // rows of the matrix.
  template <typename Body>
  void widen(int64_t first_row, int64_t rows, Body body) const {
    const int64_t wide_rows = rows / repeat_, rest = rows % repeat_;
    if (wide_rows > 0) body(first_row * c_, wide_rows, width());
    if (rest > 0) body((first_row + wide_rows * repeat_) * c_, int64_t{1}, rest * c_);
  }

  // Calls body(chunk), in threads() threads.
  template <typename Body>
  void for_each(Body body) const {
    run([](int64_t chunk, int64_t, int64_t) { return chunk; }, body);
  }
  // The same, each thread from its last chunk to its first: those that a pass just before this one
  // left in the cache come first.
  template <typename Body>
  void for_each_backwards(Body body) const {
    run([](int64_t chunk, int64_t begin, int64_t end) { return begin + end - 1 - chunk; }, body);
  }
  // for_each as body(first, wide_rows, columns).
  template <typename Body>
  void for_each_widened(Body body) const {
    for_each([&](const Chunk& chunk) { widen(chunk.first, chunk.rows, body); });
  }

  // Scratch that sum<Sums> takes.
  int64_t sum_scratch(int64_t sums) const { return Scratchpad::padded(count() * sums * width()); }

  // totals[s][column] = sum over the rows, where add(chunk, sums) adds a chunk's rows to
  // sums[Sums], each of width() columns.
  template <size_t Sums, typename Add>
  void sum(Scratchpad& scratch, const std::array<float*, Sums>& totals, Add add) const {
    constexpr auto kSums = static_cast<int64_t>(Sums);
    const int64_t size = kSums * width();
    float* const partials = scratch.take(count() * size);
    for_each([&](const Chunk& chunk) {
      float* const partial = partials + chunk.index * size;
      std::fill_n(partial, size, 0.0f);
      std::array<float*, Sums> sums;
      for (size_t s = 0; s < Sums; ++s) sums[s] = partial + static_cast<int64_t>(s) * width();
      add(chunk, sums);
    });
    for (int64_t chunk = 1; chunk < count(); ++chunk) {
      const float* const partial = partials + chunk * size;
      for (int64_t i = 0; i < size; ++i) partials[i] += partial[i];
    }
    for (size_t s = 0; s < Sums; ++s) {
      float* const partial = partials + static_cast<int64_t>(s) * width();
      fold(partial);
      std::copy_n(partial, c_, totals[s]);
    }
  }

 private:
  static constexpr int64_t kVector = 16, kWide = 64, kChunkFloats = 8192, kMinRows = 32;

  template <typename Order, typename Body>
  void run(Order order, Body body) const {
    parallel_for(threads_, count(), [&](int64_t begin, int64_t end, int thread) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t chunk = order(i, begin, end);
        body(Chunk{chunk, first_row(chunk), rows(chunk), thread});
      }
    });
  }

  int64_t first_row(int64_t chunk) const {
    const int64_t unit = std::min(chunk * chunk_units_, units_);
    return unit / per_group_ * group_ + unit % per_group_ * unit_;
  }

  int64_t c_, unit_, group_, per_group_, units_, chunk_units_, repeat_;
  int threads_;
};

}  // namespace cnnx
