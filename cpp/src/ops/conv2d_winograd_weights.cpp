#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_winograd.hpp"
#include "ops/tile_gradients.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPoints = WinogradTiles::kPoints;

constexpr auto kPointSums = one_to_one<kPoints>();

class WinogradGradients {
 public:
  WinogradGradients(const Conv2dDims& d, const float* src, Images diff_dst)
      : d_(d),
        tiles_(d),
        inputs_({src}, d.ih, d.iw, d.ic),
        gradients_(diff_dst, d.oh, d.ow, d.oc),
        in_stride_(tiles_.point_stride(d.ic)),
        out_stride_(tiles_.point_stride(d.oc)),
        sums_(d.ic, d.oc, kPointSums, in_stride_, out_stride_) {}

  void run(float* diff_weights) {
    if (tiles_.few()) {
      make_gradients(diff_weights);
      return;
    }
    sums_.run(
        tiles_, kPoints, kPoints, patches_scratch(), [&](Scratchpad& scratch) { use(scratch); },
        [&](int64_t begin, int64_t end, float* in, float* out) { transform(begin, end, in, out); },
        [](int64_t, int64_t, int64_t count) { return TileRange{0, count}; },
        kernels().winograd.weights_gradient, diff_weights);
  }

 private:
  int64_t patches_scratch() const { return inputs_.scratch() + gradients_.scratch(); }
  void use(Scratchpad& scratch) { inputs_.use(scratch), gradients_.use(scratch); }

  // All tiles are one block, so that the sums of a few channels are complete at once, and
  // transformed while they are in the cache.
  void make_gradients(float* diff_weights) {
    constexpr int64_t kRows = 48, kCols = 32;  // channels in and out, at least
    const int64_t rows = ceil_div(d_.ic, kRows), cols = std::max<int64_t>(d_.oc / kCols, 1);
    const int64_t items = rows * cols;
    const int64_t sum_stride = WinogradTiles::point_stride(kRows, 2 * kCols);
    const int threads = threads_for_work(items, tiles_.count() * sums_.work(), kWinogradGrain);
    const int64_t block = kPoints * (in_stride_ + out_stride_);
    Scratchpad scratch(patches_scratch() + Scratchpad::padded(block), threads,
                       kPoints * sum_stride);
    use(scratch);
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
          sums_.add_products(tiles_.count(), last - row, width, in + point * in_stride_ + row,
                             out + point * out_stride_ + col, sums + point * sum_stride, width);
        }
        for (int64_t i = row; i < last; ++i) {
          kernels().winograd.weights_gradient(width, sums + (i - row) * width, sum_stride,
                                              diff_weights + i * d_.oc + col, d_.ic * d_.oc);
        }
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

  Conv2dDims d_;
  WinogradTiles tiles_;
  WinogradPatches inputs_, gradients_;
  int64_t in_stride_, out_stride_;
  TileGradients sums_;
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
