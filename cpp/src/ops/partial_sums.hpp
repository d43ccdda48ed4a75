#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// A sum of `size` floats over many items, made of partial sums whose number depends on the shape
// alone: its bits do not depend on the number of threads.
class PartialSums {
 public:
  // A part of fewer than `least_items` is not worth its sum, unless there would be but one.
  PartialSums(int64_t size, int64_t items, int64_t least_items = 1) : size_(size), items_(items) {
    const int64_t fitting = kFloats / std::max<int64_t>(size, 1);
    const int64_t most = std::clamp<int64_t>(std::min(fitting, items / least_items), 2, kMostParts);
    // A power of two, so that few threads get equal shares.
    parts_ = static_cast<int64_t>(
        std::bit_floor(static_cast<uint64_t>(std::clamp<int64_t>(items, 1, most))));
  }

  int64_t parts() const { return parts_; }
  // Scratch that add takes.
  int64_t scratch() const { return Scratchpad::padded(size_) * (parts_ - 1); }

  // total = the sum of all items, where add_items(begin, end, sums, thread) adds some to sums, one
  // after the other.
  template <typename AddItems>
  void add(int threads, Scratchpad& scratchpad, float* total, AddItems add_items) const {
    float* const partials = scratchpad.take(scratch());
    const auto sums_of = [&](int64_t part) {
      return part == 0 ? total : partials + (part - 1) * Scratchpad::padded(size_);
    };
    // At least so many products are added up. If they are many, an interruption is looked for, and
    // if parts are few, within them too.
    const int64_t products = size_ * items_;
    const int64_t pieces = std::clamp<int64_t>(
        products >> 24, 1, std::min(kMostParts / parts_, std::max<int64_t>(items_ / parts_, 1)));
    const bool is_long = products >> 20 > 0;
    parallel_for(threads, parts_, [&](int64_t first, int64_t last, int thread) {
      for (int64_t part = first; part < last; ++part) {
        std::fill_n(sums_of(part), size_, 0.0f);
        const int64_t begin = items_ * part / parts_, end = items_ * (part + 1) / parts_;
        for (int64_t piece = 0; piece < pieces; ++piece) {
          add_items(begin + (end - begin) * piece / pieces,
                    begin + (end - begin) * (piece + 1) / pieces, sums_of(part), thread);
          if (is_long && interrupted()) return;
        }
      }
    });
    parallel_for(threads_for(size_ * parts_, kElementwiseGrain), size_,
                 [&](int64_t begin, int64_t end, int) {
                   for (int64_t part = 1; part < parts_; ++part) {
                     const float* const sums = sums_of(part);
                     for (int64_t i = begin; i < end; ++i) total[i] += sums[i];
                   }
                 });
  }

 private:
  static constexpr int64_t kFloats = int64_t{4} << 20;  // 16 MiB for all parts, but at least two
  static constexpr int64_t kMostParts = 16;

  int64_t size_, items_, parts_;
};

}  // namespace cnnx
