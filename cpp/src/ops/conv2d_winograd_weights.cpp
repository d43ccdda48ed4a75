#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_winograd.hpp"
#include "ops/partial_sums.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPoints = WinogradTiles::kPoints;
constexpr int64_t kLeastBlocks = 8;  // worth a partial sum

// The points of the gradients: sums over all tiles of the products of the points of their inputs
// and of the gradients of their outputs.
class WinogradGradients {
 public:
  WinogradGradients(const Conv2dDims& d, const float* src, Images diff_dst)
      : d_(d),
        tiles_(d),
        inputs_({src}, d.ih, d.iw, d.ic),
        gradients_(diff_dst, d.oh, d.ow, d.oc),
        tile_(tile_for<ConvWeightsTile>(std::span(kernels().conv_weights).first<kOneRunTiles>(),
                                        d.oc)),
        in_stride_(tiles_.point_stride(d.ic)),
        out_stride_(tiles_.point_stride(d.oc)),
        sum_stride_(WinogradTiles::point_stride(d.ic, d.oc)) {}

  void run(float* diff_weights) {
    if (tiles_.few()) {
      make_gradients(diff_weights);
      return;
    }
    const int64_t size = kPoints * sum_stride_;
    const PartialSums partial_sums(size, tiles_.shared() ? 1 : tiles_.blocks(), kLeastBlocks);
    const int64_t items = tiles_.shared() ? kPoints : partial_sums.parts();
    const int64_t work = tiles_.count() * kPoints * d_.ic * d_.oc;
    const int threads = threads_for_work(items, work, kWinogradGrain);
    const int64_t block_scratch = kPoints * (in_stride_ + out_stride_);
    const int64_t shared = tiles_.shared() ? block_scratch : 0;

    Scratchpad scratch(inputs_.scratch() + gradients_.scratch() + shared +
                           Scratchpad::padded(size) + partial_sums.scratch(),
                       threads, block_scratch - shared);
    inputs_.use(scratch);
    gradients_.use(scratch);
    float* const total = scratch.take(size);
    if (tiles_.shared()) {
      add_blocks_together(threads, scratch.take(shared), total);
    } else {
      add_blocks_apart(threads, partial_sums, scratch, total);
    }
    finish(total, diff_weights);
  }

 private:
  // All tiles are one block, so that the sums of a few channels are complete at once, and
  // transformed while they are in the cache.
  void make_gradients(float* diff_weights) {
    constexpr int64_t kRows = 48, kCols = 32;  // channels in and out, at least
    const int64_t rows = ceil_div(d_.ic, kRows), cols = std::max<int64_t>(d_.oc / kCols, 1);
    const int64_t items = rows * cols;
    const int64_t sum_stride = WinogradTiles::point_stride(kRows, 2 * kCols);
    const int threads =
        threads_for_work(items, tiles_.count() * kPoints * d_.ic * d_.oc, kWinogradGrain);
    const int64_t block = kPoints * (in_stride_ + out_stride_);
    Scratchpad scratch(inputs_.scratch() + gradients_.scratch() + Scratchpad::padded(block),
                       threads, kPoints * sum_stride);
    inputs_.use(scratch);
    gradients_.use(scratch);
    float* const in = scratch.take(block);
    float* const out = in + kPoints * in_stride_;
    parallel_for(threads, tiles_.count(), [&](int64_t begin, int64_t end, int) {
      transform(begin, end, in + begin * d_.ic, out + begin * d_.oc);
    });
    check_interruption();
    parallel_for(threads, items, [&](int64_t begin, int64_t end, int thread) {
      float* const sums = scratch.of_thread(thread);
      for (int64_t item = begin; item < end; ++item) {
        const int64_t row = d_.ic * (item % rows) / rows, last = d_.ic * (item % rows + 1) / rows;
        const int64_t panel = item / rows;
        const int64_t col = d_.oc * panel / cols, width = d_.oc * (panel + 1) / cols - col;
        std::fill_n(sums, kPoints * sum_stride, 0.0f);
        for (int64_t point = 0; point < kPoints; ++point) {
          add_products(tiles_.count(), last - row, width, in + point * in_stride_ + row,
                       out + point * out_stride_ + col, sums + point * sum_stride, width);
        }
        for (int64_t i = row; i < last; ++i) {
          kernels().winograd.weights_gradient(width, sums + (i - row) * width, sum_stride,
                                              diff_weights + i * d_.oc + col, d_.ic * d_.oc);
        }
      }
    });
  }

  // All threads take a block step by step.
  void add_blocks_together(int threads, float* in, float* total) const {
    float* const out = in + kPoints * in_stride_;
    for (int64_t block = 0; block < tiles_.blocks(); ++block) {
      check_interruption();
      const int64_t first = tiles_.block_begin(block);
      const int64_t count = tiles_.block_begin(block + 1) - first;
      parallel_for(threads, count, [&](int64_t begin, int64_t end, int) {
        transform(first + begin, first + end, in + begin * d_.ic, out + begin * d_.oc);
      });
      parallel_for(threads, kPoints, [&](int64_t begin, int64_t end, int) {
        if (block == 0) {
          std::fill(total + begin * sum_stride_, total + end * sum_stride_, 0.0f);
        }
        add_products(begin, end, count, in, out, total);
      });
    }
  }

  // Each thread takes blocks of its own.
  void add_blocks_apart(int threads, const PartialSums& partial_sums, Scratchpad& scratch,
                        float* total) const {
    partial_sums.add(threads, scratch, total,
                     [&](int64_t begin, int64_t end, float* sums, int thread) {
                       float* const in = scratch.of_thread(thread);
                       float* const out = in + kPoints * in_stride_;
                       for (int64_t block = begin; block < end; ++block) {
                         const int64_t first = tiles_.block_begin(block);
                         const int64_t last = tiles_.block_begin(block + 1);
                         transform(first, last, in, out);
                         add_products(0, kPoints, last - first, in, out, sums);
                       }
                     });
  }

  void transform(int64_t begin, int64_t end, float* in, float* out) const {
    for (int64_t tile = begin; tile < end; ++tile, in += d_.ic, out += d_.oc) {
      const auto [image, y, x] = tiles_.place(tile);
      inputs_.input(image, y - d_.pad_top, x - d_.pad_left, in, in_stride_);
      gradients_.gradient(image, y, x, out, out_stride_);
    }
  }

  // Adds the products of all tiles of a block, for points [first, last).
  void add_products(int64_t first, int64_t last, int64_t count, const float* in, const float* out,
                    float* sums) const {
    for (int64_t point = first; point < last; ++point) {
      add_products(count, d_.ic, d_.oc, in + point * in_stride_, out + point * out_stride_,
                   sums + point * sum_stride_, d_.oc);
    }
  }
  // The same for one point and some channels: sums (ic, oc; row stride ldw).
  void add_products(int64_t count, int64_t ic, int64_t oc, const float* in, const float* out,
                    float* sums, int64_t ldw) const {
    const ConvRows rows = {.images = 1,
                           .count = 1,
                           .pixels = count,
                           .src_image_stride = 0,
                           .src_row_stride = 0,
                           .src_stride = d_.ic,
                           .dst_row_stride = 0,
                           .dst_stride = d_.oc};
    for (int64_t i = 0; i < ic; i += tile_.taps) {
      for (int64_t o = 0; o < oc; o += tile_.channels) {
        const ConvTaps taps = {std::min(tile_.taps, ic - i), 0, 0, 0};
        tile_.microkernel(rows, taps, in + i, out + o, sums + i * ldw + o, ldw,
                          std::min(tile_.channels, oc - o));
      }
    }
  }

  // The gradients of their points.
  void finish(const float* total, float* diff_weights) const {
    const int64_t size = d_.ic * d_.oc, chunks = size / kWinogradChannels;
    const int threads = threads_for_rows(chunks, kPoints * kWinogradChannels);
    parallel_for(threads, chunks, [&](int64_t begin, int64_t end, int) {
      const int64_t first = size * begin / chunks, last = size * end / chunks;
      kernels().winograd.weights_gradient(last - first, total + first, sum_stride_,
                                          diff_weights + first, size);
    });
  }

  Conv2dDims d_;
  WinogradTiles tiles_;
  WinogradPatches inputs_, gradients_;
  const ConvWeightsTile& tile_;
  int64_t in_stride_, out_stride_, sum_stride_;
};

}  // namespace

void winograd_backward_weights(const Conv2dDims& d, const float* src, Images diff_dst,
                               float* diff_weights) {
  if (is_empty(d)) {
    std::fill_n(diff_weights, 9 * d.ic * d.oc, 0.0f);
  } else {
    WinogradGradients(d, src, diff_dst).run(diff_weights);
  }
}

}  // namespace cnnx
