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

}  // namespace

void winograd_backward_weights(const Conv2dDims& d, const float* src, Images diff_dst,
                               float* diff_weights) {
  const int64_t size = d.ic * d.oc;
  if (is_empty(d)) {
    std::fill_n(diff_weights, 9 * size, 0.0f);
    return;
  }
  const WinogradTiles tiles(d);
  WinogradPatches inputs({src}, d.ih, d.iw, d.ic), gradients(diff_dst, d.oh, d.ow, d.oc);
  const int64_t in_stride = tiles.point_stride(d.ic), out_stride = tiles.point_stride(d.oc);
  const int64_t sum_stride = WinogradTiles::point_stride(d.ic, d.oc);
  const int64_t block_scratch = kPoints * (in_stride + out_stride);
  const PartialSums partial_sums(kPoints * sum_stride, tiles.shared() ? 1 : tiles.blocks(),
                                 kLeastBlocks);
  const int64_t items = tiles.shared() ? kPoints : partial_sums.parts();
  const int64_t work = tiles.count() * kPoints * size;
  const int threads = threads_for_work(items, work, kWinogradGrain);
  const int64_t shared = tiles.shared() ? block_scratch : 0;

  Scratchpad scratch(inputs.scratch() + gradients.scratch() + shared +
                         Scratchpad::padded(kPoints * sum_stride) + partial_sums.scratch(),
                     threads, block_scratch - shared);
  inputs.use(scratch);
  gradients.use(scratch);
  float* const total = scratch.take(kPoints * sum_stride);

  const auto transform = [&](int64_t begin, int64_t end, float* in, float* out) {
    for (int64_t tile = begin; tile < end; ++tile, in += d.ic, out += d.oc) {
      const auto [image, y, x] = tiles.place(tile);
      inputs.input(image, y - d.pad_top, x - d.pad_left, in, in_stride);
      gradients.gradient(image, y, x, out, out_stride);
    }
  };
  // Adds the products of all tiles of a block, for points [first, last).
  const auto& tile =
      tile_for<ConvWeightsTile>(std::span(kernels().conv_weights).first<kOneRunTiles>(), d.oc);
  const auto add_products = [&](int64_t first, int64_t last, int64_t count, const float* in,
                                const float* out, float* sums) {
    const ConvRows rows = {.images = 1,
                           .count = 1,
                           .pixels = count,
                           .src_image_stride = 0,
                           .src_row_stride = 0,
                           .src_stride = d.ic,
                           .dst_row_stride = 0,
                           .dst_stride = d.oc};
    for (int64_t point = first; point < last; ++point) {
      for (int64_t i = 0; i < d.ic; i += tile.taps) {
        for (int64_t o = 0; o < d.oc; o += tile.channels) {
          const ConvTaps taps = {std::min(tile.taps, d.ic - i), 0, 0, 0};
          tile.microkernel(rows, taps, in + point * in_stride + i, out + point * out_stride + o,
                           sums + point * sum_stride + i * d.oc + o, d.oc,
                           std::min(tile.channels, d.oc - o));
        }
      }
    }
  };

  if (tiles.shared()) {
    float* const in_points = scratch.take(shared);
    float* const out_points = in_points + kPoints * in_stride;
    for (int64_t block = 0; block < tiles.blocks(); ++block) {
      check_interruption();
      const int64_t first = tiles.block_begin(block);
      const int64_t count = tiles.block_begin(block + 1) - first;
      parallel_for(threads, count, [&](int64_t begin, int64_t end, int) {
        transform(first + begin, first + end, in_points + begin * d.ic, out_points + begin * d.oc);
      });
      parallel_for(threads, kPoints, [&](int64_t begin, int64_t end, int) {
        if (block == 0) {
          std::fill(total + begin * sum_stride, total + end * sum_stride, 0.0f);
        }
        add_products(begin, end, count, in_points, out_points, total);
      });
    }
  } else {
    partial_sums.add(threads, scratch, total,
                     [&](int64_t begin, int64_t end, float* sums, int thread) {
                       float* const in = scratch.of_thread(thread);
                       float* const out = in + kPoints * in_stride;
                       for (int64_t block = begin; block < end; ++block) {
                         const int64_t first = tiles.block_begin(block);
                         const int64_t last = tiles.block_begin(block + 1);
                         transform(first, last, in, out);
                         add_products(0, kPoints, last - first, in, out, sums);
                       }
                     });
  }
  const int64_t chunks = size / kWinogradChannels;
  parallel_for(threads_for_rows(chunks, kPoints * kWinogradChannels), chunks,
               [&](int64_t begin, int64_t end, int) {
                 const int64_t first = size * begin / chunks, last = size * end / chunks;
                 kernels().winograd.weights_gradient(last - first, total + first, sum_stride,
                                                     diff_weights + first, size);
               });
}

}  // namespace cnnx
