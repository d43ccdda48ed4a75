#include "ops/conv2d_rows.hpp"

#include <algorithm>
#include <array>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/epilogue.hpp"
#include "ops/image_rows.hpp"
#include "ops/partial_sums.hpp"
#include "ops/tile_gradients.hpp"
#include "ops/winograd_products.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPoints = 8;

const RowWinogradKernels& kernels_for(const Conv2dDims& d) {
  return kernels().row_winograd[d.kw == 3 ? 0 : 1];
}

// The rows of all images cut into tiles of a few pixels, and these into blocks.
class RowTiles {
 public:
  explicit RowTiles(const Conv2dDims& d)
      : tile_(kernels_for(d).tile),
        width_(d.ow),
        cols_(ceil_div(d.ow, tile_)),
        count_(d.mb * d.oh * cols_),
        blocks_(ceil_div(count_, std::clamp<int64_t>(kBlockFloats / (kPoints * (d.ic + d.oc)),
                                                     kFewTiles, kManyTiles))) {
    if (count_ >= kTwoBlocks) blocks_ = round_up(blocks_, blocks_ > kShares ? kShares : 2);
  }

  int64_t count() const { return count_; }
  int64_t most() const { return ceil_div(count_, blocks_); }  // of a block
  int64_t blocks() const { return blocks_; }
  int64_t begin(int64_t block) const { return count_ * block / blocks_; }
  int64_t end(int64_t block) const { return begin(block + 1); }
  // Floats from one point to the next for a block's tiles of c channels.
  int64_t point_stride(int64_t c) const {
    return WinogradTiles::point_stride(std::max<int64_t>(ceil_div(count_, blocks_), 1), c);
  }

  // Tiles of one row: `pixels` of its pixels, from x on.
  struct Part {
    int64_t tile, tiles, row, x, pixels;
  };
  // Calls visit(part) for the parts of a block.
  template <typename Visit>
  void for_each_part(int64_t block, Visit visit) const {
    for (int64_t tile = begin(block); tile < end(block);) {
      const int64_t row = tile / cols_, x = tile % cols_ * tile_;
      const int64_t tiles = std::min(cols_ - tile % cols_, end(block) - tile);
      visit(Part{tile - begin(block), tiles, row, x, std::min(tiles * tile_, width_ - x)});
      tile += tiles;
    }
  }

 private:
  static constexpr int64_t kBlockFloats = 1 << 16;  // 256 KiB of points: half of a small L2
  static constexpr int64_t kFewTiles = 48, kManyTiles = 192;
  static constexpr int64_t kShares = 4, kTwoBlocks = 32;

  int64_t tile_, width_, cols_, count_, blocks_;
};

// The rows that the tiles of a block see: where they lie, or un-pooled to scratch.
class TileRows {
 public:
  TileRows(Images images, int64_t h, int64_t w, int64_t c)
      : rows_(images, h, w, c), h_(h), w_(w), c_(c) {}

  int64_t scratch(const RowTiles& tiles) const {
    constexpr int64_t kMostPixels = kPoints;  // that a tile sees
    return rows_.in_memory() ? 0 : Scratchpad::padded(kMostPixels * tiles.most() * c_);
  }
  // The row of a part, of which it sees `pixels`, from pixel `first` on.
  PixelRow of(const RowTiles::Part& part, int64_t first, int64_t pixels, float* unpooled) const {
    if (rows_.in_memory()) return {rows_.at(0, part.row, 0), first, w_};
    const int64_t begin = std::clamp<int64_t>(first, 0, w_);
    const int64_t end = std::clamp<int64_t>(first + pixels, begin, w_);
    rows_.copy(part.row / h_, part.row % h_, begin, end - begin, unpooled);
    return {unpooled, first - begin, end - begin};
  }

 private:
  ImageRows rows_;
  int64_t h_, w_, c_;
};

constexpr auto kPointSums = one_to_one<kPoints>();

PointProducts products_of_rows() {
  std::array<AxisProduct, kPoints> axis;
  for (int64_t i = 0; i < kPoints; ++i) axis[i] = {i, i, 1};
  return {kPoints, kPoints, axis};
}

// The outputs of a correlation of d; tap(t) is the matrix (ic, oc) of tap t.
template <typename Tap>
void correlate_rows(const Conv2dDims& d, Images src, Tap tap, const float* bias,
                    const Epilogue& epilogue, float* dst, PreparedWeights* prepared) {
  const RowWinogradKernels& kernel = kernels_for(d);
  const RowTiles tiles(d);
  const TileRows rows(src, d.ih, d.iw, d.ic);
  const bool pooled = epilogue.pool != Pooling::none;
  const int64_t together = pooled ? 2 : 1;
  const Clipping clipped = clipping(epilogue);
  const PointProducts products = products_of_rows();
  PointWeights weights(products, d.kw, kernel.weights, d.ic, d.oc);
  const int64_t in_stride = tiles.point_stride(d.ic), out_stride = tiles.point_stride(d.oc);
  const int64_t work = tiles.count() * kPoints * d.ic * d.oc;
  const int threads = threads_for_work(tiles.blocks(), work, kWinogradGrain);
  Scratchpad scratch(
      weights.scratch(prepared), threads,
      std::max(weights.thread_scratch(), kPoints * (in_stride + out_stride) + rows.scratch(tiles)));
  weights.transform(tap, &kernel, threads, scratch, prepared);

  const auto finish_part = [&](const RowTiles::Part& part, const float* points) {
    const int64_t place = (part.row * d.ow + part.x) / together * d.oc;
    const int64_t count = part.pixels / together;
    if (pooled) {
      uint8_t* const codes = clipped.rest.codes == nullptr ? nullptr : clipped.rest.codes + place;
      kernel.pooled_output(d.oc, count, points, out_stride, bias, clipped.range, dst + place,
                           codes);
    } else {
      kernel.output(d.oc, count, points, out_stride, bias, clipped.range, dst + place);
    }
    finish(clipped.rest, count * d.oc, place, dst);
  };
  const auto make_blocks = [&](int64_t first, int64_t last, int thread) {
    float* const in = scratch.of_thread(thread);
    float* const out = in + kPoints * in_stride;
    float* const unpooled = out + kPoints * out_stride;
    for (int64_t block = first; block < last; ++block) {
      tiles.for_each_part(block, [&](const RowTiles::Part& part) {
        const int64_t seen = part.tiles * kernel.tile + d.kw - 1;
        kernel.input(d.ic, part.tiles, rows.of(part, part.x - d.pad_left, seen, unpooled),
                     in + part.tile * d.ic, in_stride);
      });
      const TileRange all = {0, tiles.end(block) - tiles.begin(block)};
      weights.multiply(
          0, weights.shares(), [&](int64_t) { return all; }, in, in_stride, out, out_stride);
      tiles.for_each_part(
          block, [&](const RowTiles::Part& part) { finish_part(part, out + part.tile * d.oc); });
    }
  };
  parallel_for_pieces(threads, tiles.blocks(), pieces_for(work, threads), make_blocks);
}

}  // namespace

bool has_rows(const Conv2dDims& d) {
  return d.kh == 1 && (d.kw == 3 || d.kw == 5) && d.stride_h == 1 && d.stride_w == 1 &&
         d.dilation_w == 1 && d.groups == 1 && d.pad_top == 0 && d.oh == d.ih &&
         d.ic >= kWinogradChannels && d.oc >= kWinogradChannels;
}

bool rows_pay(const Conv2dDims& d, int64_t weights_tiles) {
  // Five tiles cost as much as these many outputs.
  const int64_t tile_outputs = d.kw == 3 ? 19 : 14;
  constexpr int64_t kMostWeights = 512 * 512;  // their points fit in the scratch that is kept
  return has_rows(d) && d.ic * d.oc <= kMostWeights &&
         (RowTiles(d).count() + weights_tiles) * tile_outputs <= d.mb * d.oh * d.ow * 5;
}

void rows_forward(const Conv2dDims& d, const float* src, const float* weights, const float* bias,
                  const Epilogue& epilogue, float* dst, PreparedWeights* prepared) {
  if (is_empty(d)) return;
  const auto tap = [&](int64_t t) {
    return MatrixView{weights + (d.rotated ? d.kw - 1 - t : t) * d.ic * d.oc, d.oc, 1,
                      scale_of(prepared)};
  };
  correlate_rows(d, {src}, tap, bias, epilogue, dst, prepared);
}

void rows_backward_data(const Conv2dDims& d, Images diff_dst, const float* weights,
                        const float* bias, const Epilogue& epilogue, float* diff_src) {
  const Conv2dDims back = backward_dims(d);
  if (is_empty(back)) return;
  const auto tap = [&](int64_t t) {
    return MatrixView{weights + (d.rotated ? t : d.kw - 1 - t) * d.ic * d.oc, 1, d.oc};
  };
  correlate_rows(back, diff_dst, tap, bias, epilogue, diff_src, nullptr);
}

void rows_backward_weights(const Conv2dDims& d, const float* src, Images diff_dst,
                           float* diff_weights) {
  if (is_empty(d)) {
    std::fill_n(diff_weights, d.kw * d.ic * d.oc, 0.0f);
    return;
  }
  constexpr int64_t kLeastBlocks = 4;  // worth a partial sum
  const RowWinogradKernels& kernel = kernels_for(d);
  const RowTiles tiles(d);
  const TileRows rows(diff_dst, d.oh, d.ow, d.oc);
  const int64_t in_stride = tiles.point_stride(d.ic), out_stride = tiles.point_stride(d.oc);
  const TileGradients gradients(d.ic, d.oc, kPointSums, in_stride, out_stride);
  const PartialSums partial_sums(gradients.size(), tiles.blocks(), kLeastBlocks);
  const int64_t work = tiles.count() * gradients.work();
  const int threads = threads_for_work(partial_sums.parts(), work, kWinogradGrain);
  Scratchpad scratch(Scratchpad::padded(gradients.size()) + partial_sums.scratch(), threads,
                     kPoints * (in_stride + out_stride) + rows.scratch(tiles));
  float* const total = scratch.take(gradients.size());

  const auto add_block = [&](int64_t block, float* in, float* out, float* sums) {
    tiles.for_each_part(block, [&](const RowTiles::Part& part) {
      kernel.input(d.ic, part.tiles, {src + part.row * d.iw * d.ic, part.x - d.pad_left, d.iw},
                   in + part.tile * d.ic, in_stride);
      kernel.gradient(d.oc, part.tiles,
                      rows.of(part, part.x, part.tiles * kernel.tile, out + kPoints * out_stride),
                      out + part.tile * d.oc, out_stride);
    });
    const TileRange all = {0, tiles.end(block) - tiles.begin(block)};
    gradients.add(0, gradients.shares(), [&](int64_t) { return all; }, in, out, sums);
  };
  partial_sums.add(threads, scratch, total,
                   [&](int64_t first, int64_t last, float* sums, int thread) {
                     float* const in = scratch.of_thread(thread);
                     for (int64_t block = first; block < last; ++block) {
                       add_block(block, in, in + kPoints * in_stride, sums);
                     }
                   });
  gradients.finish(kernel.weights_gradient, total, diff_weights);
}

}  // namespace cnnx
