#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/partial_sums.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// The points of a tile's inputs and gradients whose products belong to the same sum.
struct PointSum {
  int64_t count;
  int64_t inputs[4], gradients[4];
};

// Each of N points of the inputs meets one of the gradients.
template <size_t N>
constexpr std::array<PointSum, N> one_to_one() {
  std::array<PointSum, N> sums{};
  for (int64_t i = 0; i < static_cast<int64_t>(N); ++i) sums[i] = {1, {i}, {i}};
  return sums;
}

// The points of the gradients of weights: sums over all tiles of the products of the points of
// their inputs (tiles, ic) and of the gradients of their outputs (tiles, oc).
class TileGradients {
 public:
  // Strides are floats from one point to the next.
  TileGradients(int64_t ic, int64_t oc, std::span<const PointSum> sums, int64_t in_stride,
                int64_t out_stride)
      : ic_(ic),
        oc_(oc),
        sums_(sums),
        tile_(
            tile_for<ConvWeightsTile>(std::span(kernels().conv_weights).first<kOneRunTiles>(), oc)),
        parts_(ceil_div(ic, tile_.taps)),
        in_stride_(in_stride),
        out_stride_(out_stride),
        sum_stride_(WinogradTiles::point_stride(ic, oc)) {}

  int64_t size() const { return static_cast<int64_t>(sums_.size()) * sum_stride_; }
  int64_t sum_stride() const { return sum_stride_; }
  // The sums fall into this many shares: some channels of one each.
  int64_t shares() const { return static_cast<int64_t>(sums_.size()) * parts_; }
  // Multiply-adds for one tile.
  int64_t work() const {
    int64_t products = 0;
    for (const PointSum& sum : sums_) products += sum.count;
    return products * ic_ * oc_;
  }

  // sums = 0, or plus the products of the tiles that need a point of the gradients: needed(point).
  // Shares [first, last).
  void clear(int64_t first, int64_t last, float* sums) const {
    for (int64_t share = first; share < last; ++share) {
      const auto [sum, row, rows] = part(share);
      std::fill_n(sums + sum * sum_stride_ + row * oc_, rows * oc_, 0.0f);
    }
  }
  template <typename Needed>
  void add(int64_t first, int64_t last, const Needed& needed, const float* in, const float* out,
           float* sums) const {
    for (int64_t share = first; share < last; ++share) {
      const auto [number, row, rows] = part(share);
      add_sum(number, needed, rows, oc_, in + row, out, sums + number * sum_stride_ + row * oc_);
    }
  }

  using Kernel = decltype(WinogradKernels::weights_gradient);
  // The gradients of the weights, which a kernel makes of their points.
  void finish(Kernel kernel, const float* total, float* diff_weights) const {
    const int64_t size = ic_ * oc_, chunks = size / kWinogradChannels;
    const int64_t floats = static_cast<int64_t>(sums_.size()) * kWinogradChannels;
    parallel_for(threads_for_rows(chunks, floats), chunks, [&](int64_t begin, int64_t end, int) {
      const int64_t first = size * begin / chunks, last = size * end / chunks;
      kernel(last - first, total + first, sum_stride_, diff_weights + first, size);
    });
  }

  // All of it. A block has in_points and out_points; transform(begin, end, in, out) makes those of
  // some tiles, once use(scratch) has taken its scratch. needing(point, begin, count) are those of
  // some tiles that need a point of the gradients.
  template <typename Use, typename Transform, typename Needing>
  void run(const WinogradTiles& tiles, int64_t in_points, int64_t out_points, int64_t use_scratch,
           const Use& use, const Transform& transform, const Needing& needing, Kernel kernel,
           float* diff_weights) const {
    if (tiles.few()) {
      run_by_channels(tiles, in_points, out_points, use_scratch, use, transform, needing, kernel,
                      diff_weights);
    } else {
      run_by_blocks(tiles, in_points, out_points, use_scratch, use, transform, needing, kernel,
                    diff_weights);
    }
  }

 private:
  template <typename Use, typename Transform, typename Needing>
  void run_by_blocks(const WinogradTiles& tiles, int64_t in_points, int64_t out_points,
                     int64_t use_scratch, const Use& use, const Transform& transform,
                     const Needing& needing, Kernel kernel, float* diff_weights) const {
    constexpr int64_t kLeastBlocks = 8;  // worth a partial sum
    const PartialSums partial_sums(size(), tiles.shared() ? 1 : tiles.blocks(), kLeastBlocks);
    const int64_t items = tiles.shared() ? shares() : partial_sums.parts();
    const int threads = threads_for_work(items, tiles.count() * work(), kWinogradGrain);
    const int64_t in_size = in_points * in_stride_, block = in_size + out_points * out_stride_;
    const int64_t shared = tiles.shared() ? block : 0;
    Scratchpad scratch(use_scratch + shared + Scratchpad::padded(size()) + partial_sums.scratch(),
                       threads, block - shared);
    use(scratch);
    float* const total = scratch.take(size());
    if (tiles.shared()) {
      float* const in = scratch.take(shared);
      for_each_shared_block(tiles, threads, [&](const SharedBlock& together) {
        together.for_tiles([&](int64_t begin, int64_t end, int64_t place) {
          transform(begin, end, in + place * ic_, in + in_size + place * oc_);
        });
        const auto needed = [&](int64_t point) {
          return needing(point, together.first, together.count);
        };
        parallel_for(threads, shares(), [&](int64_t begin, int64_t end, int) {
          if (together.first == 0) clear(begin, end, total);
          add(begin, end, needed, in, in + in_size, total);
        });
      });
    } else {
      partial_sums.add(threads, scratch, total,
                       [&](int64_t begin, int64_t end, float* sums, int thread) {
                         float* const in = scratch.of_thread(thread);
                         for (int64_t i = begin; i < end; ++i) {
                           const int64_t first = tiles.block_begin(i);
                           const int64_t last = tiles.block_begin(i + 1);
                           transform(first, last, in, in + in_size);
                           const auto needed = [&](int64_t point) {
                             return needing(point, first, last - first);
                           };
                           add(0, shares(), needed, in, in + in_size, sums);
                         }
                       });
    }
    finish(kernel, total, diff_weights);
  }

  // All tiles are one block, so that the sums of a few channels are complete at once, and
  // transformed while they are in the cache.
  template <typename Use, typename Transform, typename Needing>
  void run_by_channels(const WinogradTiles& tiles, int64_t in_points, int64_t out_points,
                       int64_t use_scratch, const Use& use, const Transform& transform,
                       const Needing& needing, Kernel kernel, float* diff_weights) const {
    // Gradients are written along rows of many channels. Twice as many sums stay in L2.
    constexpr int64_t kRows = 24, kRowSums = 2560;
    const auto count = static_cast<int64_t>(sums_.size());
    const auto least =
        static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(kRowSums / count)));
    const int64_t rows = ceil_div(ic_, kRows), cols = std::max<int64_t>(oc_ / least, 1);
    const int64_t items = rows * cols;
    const int64_t sum_stride = WinogradTiles::point_stride(kRows, 2 * least);
    const int threads = threads_for_work(items, tiles.count() * work(), kWinogradGrain);
    const int64_t in_size = in_points * in_stride_, block = in_size + out_points * out_stride_;
    Scratchpad scratch(use_scratch + Scratchpad::padded(block), threads, count * sum_stride);
    use(scratch);
    float* const in = scratch.take(block);
    float* const out = in + in_size;
    parallel_for(threads, tiles.count(), [&](int64_t begin, int64_t end, int) {
      transform(begin, end, in + begin * ic_, out + begin * oc_);
    });
    check_interruption();
    const auto needed = [&](int64_t point) { return needing(point, 0, tiles.count()); };
    parallel_for(threads, items, [&](int64_t begin, int64_t end, int thread) {
      float* const sums = scratch.of_thread(thread);
      for (int64_t item = begin; item < end; ++item) {
        const int64_t row = ic_ * (item % rows) / rows, last = ic_ * (item % rows + 1) / rows;
        const int64_t panel = item / rows;
        const int64_t col = oc_ * panel / cols, width = oc_ * (panel + 1) / cols - col;
        std::fill_n(sums, count * sum_stride, 0.0f);
        for (int64_t number = 0; number < count; ++number) {
          add_sum(number, needed, last - row, width, in + row, out + col,
                  sums + number * sum_stride);
        }
        for (int64_t i = row; i < last; ++i) {
          kernel(width, sums + (i - row) * width, sum_stride, diff_weights + i * oc_ + col,
                 ic_ * oc_);
        }
      }
    });
  }

  // sums (ic, oc) += a sum's products of some channels.
  template <typename Needed>
  void add_sum(int64_t number, const Needed& needed, int64_t ic, int64_t oc, const float* in,
               const float* out, float* sums) const {
    const PointSum& sum = sums_[number];
    for (int64_t i = 0; i < sum.count; ++i) {
      const TileRange tiles = needed(sum.gradients[i]);
      add_products(tiles.count(), ic, oc, in + sum.inputs[i] * in_stride_ + tiles.begin * ic_,
                   out + sum.gradients[i] * out_stride_ + tiles.begin * oc_, sums);
    }
  }
  // sums (ic, oc) += the products of one point of some channels.
  void add_products(int64_t tiles, int64_t ic, int64_t oc, const float* in, const float* out,
                    float* sums) const {
    const ConvRows rows = {.images = 1,
                           .count = 1,
                           .pixels = tiles,
                           .src_image_stride = 0,
                           .src_row_stride = 0,
                           .src_stride = ic_,
                           .dst_row_stride = 0,
                           .dst_stride = oc_};
    for (int64_t i = 0; i < ic; i += tile_.taps) {
      const ConvTaps taps = {std::min(tile_.taps, ic - i), 0, 0, 0};
      for (int64_t o = 0; o < oc; o += tile_.channels) {
        tile_.microkernel(rows, taps, in + i, out + o, sums + i * oc + o, oc,
                          std::min(tile_.channels, oc - o));
      }
    }
  }

  struct Part {
    int64_t sum, row, rows;
  };
  Part part(int64_t share) const {
    const int64_t part = share % parts_, row = ic_ * part / parts_;
    return {share / parts_, row, ic_ * (part + 1) / parts_ - row};
  }

  int64_t ic_, oc_;
  std::span<const PointSum> sums_;
  const ConvWeightsTile& tile_;
  int64_t parts_, in_stride_, out_stride_, sum_stride_;
};

}  // namespace cnnx
