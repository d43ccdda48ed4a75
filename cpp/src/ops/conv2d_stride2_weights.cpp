#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_stride2.hpp"
#include "ops/partial_sums.hpp"
#include "ops/stride2_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kInputs = 5, kOutputs = 3, kWeights = 4;  // points along one axis
constexpr int64_t kSums = kWeights * kWeights;
constexpr int64_t kTile = 2, kPatch = 5;
constexpr int64_t kLeastBlocks = 8;  // worth a partial sum

// The points of one axis whose products belong to the same weights: those of w1 are two.
struct AxisSums {
  int64_t count;
  int64_t inputs[2], outputs[2];
};
constexpr AxisSums kAxis[kWeights] = {
    {1, {0}, {0}}, {2, {1, 3}, {0, 2}}, {1, {2}, {1}}, {1, {4}, {2}}};

// The points of the gradients: sums over all tiles of the products of the points of their inputs
// and of the gradients of their outputs.
class Stride2Gradients {
 public:
  Stride2Gradients(const Conv2dDims& d, const float* src, const float* diff_dst)
      : d_(d),
        tiles_(stride2_tiles(d, kTile)),
        inputs_(src, d.ih, d.iw, d.ic),
        gradients_(diff_dst, d.oh, d.ow, d.oc),
        tile_(tile_for<ConvWeightsTile>(std::span(kernels().conv_weights).first<kOneRunTiles>(),
                                        d.oc)),
        parts_(ceil_div(d.ic, tile_.taps)),
        in_stride_(tiles_.point_stride(d.ic)),
        out_stride_(tiles_.point_stride(d.oc)),
        sum_stride_(WinogradTiles::point_stride(d.ic, d.oc)) {}

  void run(float* diff_weights) {
    const int64_t size = kSums * sum_stride_;
    const PartialSums partial_sums(size, tiles_.shared() ? 1 : tiles_.blocks(), kLeastBlocks);
    const int64_t items = tiles_.shared() ? shares() : partial_sums.parts();
    const int64_t work = tiles_.count() * kInputs * kInputs * d_.ic * d_.oc;
    const int threads = threads_for_work(items, work, kWinogradGrain);
    const int64_t block_scratch =
        kInputs * kInputs * in_stride_ + kOutputs * kOutputs * out_stride_;
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
  // All threads take a block step by step.
  void add_blocks_together(int threads, float* in, float* total) const {
    float* const out = in + kInputs * kInputs * in_stride_;
    std::fill_n(total, kSums * sum_stride_, 0.0f);
    for (int64_t block = 0; block < tiles_.blocks(); ++block) {
      check_interruption();
      const int64_t first = tiles_.block_begin(block);
      const int64_t count = tiles_.block_begin(block + 1) - first;
      parallel_for(threads, count, [&](int64_t begin, int64_t end, int) {
        transform(first + begin, first + end, in + begin * d_.ic, out + begin * d_.oc);
      });
      parallel_for(threads, shares(), [&](int64_t begin, int64_t end, int) {
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
                       float* const out = in + kInputs * kInputs * in_stride_;
                       for (int64_t block = begin; block < end; ++block) {
                         const int64_t first = tiles_.block_begin(block);
                         const int64_t last = tiles_.block_begin(block + 1);
                         transform(first, last, in, out);
                         add_products(0, shares(), last - first, in, out, sums);
                       }
                     });
  }

  void transform(int64_t begin, int64_t end, float* in, float* out) const {
    const auto& kernel = kernels().stride2;
    for (int64_t tile = begin; tile < end; ++tile, in += d_.ic, out += d_.oc) {
      const auto [image, y, x] = tiles_.place(tile);
      kernel.input(d_.ic, inputs_.patch(image, 2 * y - d_.pad_top, 2 * x - d_.pad_left, kPatch), in,
                   in_stride_);
      kernel.gradient(d_.oc, gradients_.patch(image, y, x, kTile), out, out_stride_);
    }
  }

  // The sums fall into this many shares: some channels of a point each.
  int64_t shares() const { return kSums * parts_; }

  // Adds the products of all tiles of a block, shares [first, last).
  void add_products(int64_t first, int64_t last, int64_t count, const float* in, const float* out,
                    float* sums) const {
    const ConvRows rows = {.images = 1,
                           .count = 1,
                           .pixels = count,
                           .src_image_stride = 0,
                           .src_row_stride = 0,
                           .src_stride = d_.ic,
                           .dst_row_stride = 0,
                           .dst_stride = d_.oc};
    for (int64_t share = first; share < last; ++share) {
      const int64_t sum = share / parts_, part = share % parts_;
      const int64_t i = d_.ic * part / parts_;
      const ConvTaps taps = {d_.ic * (part + 1) / parts_ - i, 0, 0, 0};
      const AxisSums &y = kAxis[sum / kWeights], &x = kAxis[sum % kWeights];
      for (int64_t a = 0; a < y.count; ++a) {
        for (int64_t b = 0; b < x.count; ++b) {
          const float* const src = in + (y.inputs[a] * kInputs + x.inputs[b]) * in_stride_ + i;
          const float* const dy = out + (y.outputs[a] * kOutputs + x.outputs[b]) * out_stride_;
          for (int64_t o = 0; o < d_.oc; o += tile_.channels) {
            tile_.microkernel(rows, taps, src, dy + o, sums + sum * sum_stride_ + i * d_.oc + o,
                              d_.oc, std::min(tile_.channels, d_.oc - o));
          }
        }
      }
    }
  }

  // The gradients of their points.
  void finish(const float* total, float* diff_weights) const {
    const int64_t size = d_.ic * d_.oc, chunks = size / kWinogradChannels;
    const int threads = threads_for_rows(chunks, kSums * kWinogradChannels);
    parallel_for(threads, chunks, [&](int64_t begin, int64_t end, int) {
      const int64_t first = size * begin / chunks, last = size * end / chunks;
      kernels().stride2.weights_gradient(last - first, total + first, sum_stride_,
                                         diff_weights + first, size);
    });
  }

  Conv2dDims d_;
  WinogradTiles tiles_;
  Stride2Patches inputs_, gradients_;
  const ConvWeightsTile& tile_;
  int64_t parts_, in_stride_, out_stride_, sum_stride_;
};

}  // namespace

void stride2_backward_weights(const Conv2dDims& d, const float* src, const float* diff_dst,
                              float* diff_weights) {
  if (is_empty(d)) {
    std::fill_n(diff_weights, 9 * d.ic * d.oc, 0.0f);
  } else {
    Stride2Gradients(d, src, diff_dst).run(diff_weights);
  }
}

}  // namespace cnnx
