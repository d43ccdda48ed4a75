#include "ops/conv2d_stride2.hpp"

#include <algorithm>
#include <array>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/epilogue.hpp"
#include "ops/stride2_tiles.hpp"
#include "ops/winograd_products.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr std::array<AxisProduct, 3> kForward = {{{0, 0, 2}, {2, 2, 1}, {3, 3, 2}}};
constexpr std::array<AxisProduct, 5> kBackward = {
    {{0, 4, 1}, {1, 3, 1}, {1, 2, 1}, {3, 1, 1}, {2, 0, 1}}};
// Against the order of the pixels.
constexpr std::array<AxisProduct, 5> kMirrored = {
    {{0, 0, 1}, {1, 1, 1}, {1, 2, 1}, {3, 3, 1}, {2, 4, 1}}};

// Output 0 is the sum of products 0 and 2, output 2 that of 2 and 4.
constexpr Stride2Order::Needs kBackwardNeeds = {5, {0b0001, 0b0010, 0b0101, 0b1000, 0b0100}};

// The input that the first tile of an axis sees first, and whether tiles are transformed against
// the order of their pixels.
struct Stride2Axis {
  int64_t first;
  bool mirrored;
};

// A pass block by block: the inputs of its tiles are transformed, multiplied by the weights, and
// the products transformed to outputs.
class Stride2Pass {
 public:
  struct Geometry {
    // Pixels in a row of a tile, of what it sees, and from there to what the next tile sees.
    int64_t tile, patch, advance;
    Stride2Axis y, x;
    Stride2Order::Needs needs;
    decltype(Stride2Kernels::input) input;
    decltype(Stride2Kernels::output) output;
  };

  // The dims are those of a convolution from src to dst.
  Stride2Pass(const Conv2dDims& d, const Geometry& geometry, const PointProducts& products,
              const float* src, const float* bias, const Epilogue& epilogue, float* dst)
      : d_(d),
        geometry_(geometry),
        products_(products),
        epilogue_(epilogue),
        bias_(bias),
        dst_(dst),
        tiles_(stride2_tiles(d, geometry.tile)),
        order_(d, geometry.tile, geometry.needs, geometry.y.mirrored, geometry.x.mirrored),
        patches_(src, d.ih, d.iw, d.ic),
        weights_(products_, 9, kernels().stride2.weights, d.ic, d.oc),
        in_stride_(tiles_.point_stride(d.ic)),
        out_stride_(tiles_.point_stride(d.oc)) {}

  // tap(t) is the matrix (ic, oc) of tap t.
  template <typename Tap>
  void run(Tap tap, PreparedWeights* prepared) {
    const int64_t block_scratch = products_.inputs() * in_stride_ + products_.count() * out_stride_;
    const int64_t items = tiles_.shared() ? weights_.shares() : tiles_.blocks();
    int64_t matrices = 0;
    for (int64_t point = 0; point < products_.count(); ++point) {
      matrices += order_.needing(point).count() * products_[point].runs;
    }
    const int64_t work = matrices * d_.ic * d_.oc;
    const int threads = threads_for_work(items, work, kWinogradGrain);
    const int64_t shared = tiles_.shared() ? block_scratch : 0;
    // Many weights that one block uses would leave the cache before, if all were transformed first.
    const bool transient = prepared == nullptr && tiles_.shared() && tiles_.blocks() == 1 &&
                           weights_.panels() >= 2 * threads;
    const int64_t own = std::max(transient ? weights_.panel_scratch() : weights_.thread_scratch(),
                                 block_scratch - shared);

    const int64_t points = transient ? 0 : weights_.scratch(prepared);
    Scratchpad scratch(patches_.scratch() + points + shared, threads, own);
    patches_.use(scratch);
    if (!transient) weights_.transform(tap, &kernels().stride2, threads, scratch, prepared);
    if (tiles_.shared()) {
      float* const in = scratch.take(shared);
      float* const out = in + products_.inputs() * in_stride_;
      make_blocks_together(
          threads, in, out, transient ? weights_.panels() : weights_.shares(),
          [&](int64_t begin, int64_t end, int thread, const auto& needing) {
            if (transient) {
              weights_.transform_and_multiply(tap, begin, end, needing, in, in_stride_, out,
                                              out_stride_, scratch.of_thread(thread));
            } else {
              weights_.multiply(begin, end, needing, in, in_stride_, out, out_stride_);
            }
          });
    } else {
      make_blocks_apart(threads, pieces_for(work, threads), scratch);
    }
  }

 private:
  // All threads make a block step by step. multiply(begin, end, thread, needing) makes shares of
  // its products for the tiles that need a point.
  template <typename Multiply>
  void make_blocks_together(int threads, float* in, float* out, int64_t shares,
                            const Multiply& multiply) const {
    for_each_shared_block(tiles_, threads, [&](const SharedBlock& block) {
      block.for_tiles([&](int64_t begin, int64_t end, int64_t place) {
        transform_inputs(begin, end, in + place * d_.ic);
      });
      const auto needing = [&](int64_t point) {
        return order_.needing(point, block.first, block.count);
      };
      parallel_for(threads, shares, [&](int64_t begin, int64_t end, int thread) {
        multiply(begin, end, thread, needing);
      });
      block.for_tiles([&](int64_t begin, int64_t end, int64_t place) {
        transform_outputs(begin, end, out + place * d_.oc);
      });
    });
  }

  // Each thread makes blocks of its own.
  void make_blocks_apart(int threads, int64_t pieces, const Scratchpad& scratch) const {
    for_each_own_block(
        tiles_, threads, pieces, scratch, [&](int64_t begin, int64_t end, float* in) {
          float* const out = in + products_.inputs() * in_stride_;
          transform_inputs(begin, end, in);
          const auto needing = [&](int64_t point) {
            return order_.needing(point, begin, end - begin);
          };
          weights_.multiply(0, weights_.shares(), needing, in, in_stride_, out, out_stride_);
          transform_outputs(begin, end, out);
        });
  }

  void transform_inputs(int64_t begin, int64_t end, float* points) const {
    const auto& [size, seen, advance, rows, cols, needs, input, output] = geometry_;
    for (int64_t tile = begin; tile < end; ++tile, points += d_.ic) {
      const auto [image, y, x] = order_.place(tile);
      input(d_.ic,
            patches_.patch(image, rows.first + y / size * advance, cols.first + x / size * advance,
                           seen, rows.mirrored, cols.mirrored),
            points, in_stride_);
    }
  }

  void transform_outputs(int64_t begin, int64_t end, const float* points) const {
    const int64_t size = geometry_.tile, dst_row = d_.ow * d_.oc;
    for (int64_t tile = begin; tile < end;) {
      // Tiles that lie side by side are finished together.
      const auto [image, y, x] = order_.place(tile);
      const int64_t beside = std::min(end, order_.row_end(tile)) - tile;
      const int64_t rows = std::min(size, d_.oh - y), cols = std::min(beside * size, d_.ow - x);
      const int64_t first = (image * d_.oh + y) * dst_row + x * d_.oc;
      for (int64_t col = 0; col < cols; col += size, ++tile, points += d_.oc) {
        geometry_.output(d_.oc, points, out_stride_, bias_,
                         tile_at(first + col * d_.oc, rows, std::min(size, cols - col)));
      }
      for (int64_t row = 0; row < rows; ++row) {
        finish(epilogue_, cols * d_.oc, first + row * dst_row, dst_);
      }
    }
  }

  // The tile whose first output is float `first`, and of which rows x cols exist.
  Stride2Tile tile_at(int64_t first, int64_t rows, int64_t cols) const {
    const int64_t size = geometry_.tile, dst_row = d_.ow * d_.oc;
    Stride2Tile tile = {dst_ + first, dst_row, d_.oc, 0, rows, 0, cols};
    if (geometry_.y.mirrored) {
      tile.dst += (size - 1) * dst_row;
      tile.row_stride = -dst_row;
      tile.row_begin = size - rows, tile.row_end = size;
    }
    if (geometry_.x.mirrored) {
      tile.dst += (size - 1) * d_.oc;
      tile.pixel_stride = -d_.oc;
      tile.col_begin = size - cols, tile.col_end = size;
    }
    return tile;
  }

  Conv2dDims d_;
  Geometry geometry_;
  const PointProducts& products_;
  Epilogue epilogue_;
  const float* bias_;
  float* dst_;
  WinogradTiles tiles_;
  Stride2Order order_;
  Stride2Patches patches_;
  PointWeights weights_;
  int64_t in_stride_, out_stride_;
};

// Direct products wait for these, too.
bool has_many_weights(const Conv2dDims& d) { return d.ic * d.oc >= kManyStride2Weights; }

}  // namespace

bool has_stride2(const Conv2dDims& d) {
  return d.kh == 3 && d.kw == 3 && d.stride_h == 2 && d.stride_w == 2 && d.dilation_h == 1 &&
         d.dilation_w == 1 && d.groups == 1 && d.ic >= kWinogradChannels &&
         d.oc >= kWinogradChannels;
}

bool stride2_pays(const Conv2dDims& d, int64_t weights_tiles) {
  constexpr int64_t kMostWeights = 512 * 512;  // their points fit in the scratch that is kept
  // A tile has 25 products and costs as much as three outputs; one that ends outside the image has
  // three products along that axis, not five.
  constexpr int64_t kTile = 25, kTileOutputs = 3;
  const auto products = [](int64_t outputs) { return outputs / 2 * 5 + outputs % 2 * 3; };
  const int64_t tiles = d.mb * products(d.oh) * products(d.ow);
  return has_stride2(d) && d.ic * d.oc <= kMostWeights &&
         (tiles + weights_tiles * kTile) * kTileOutputs <= d.mb * d.oh * d.ow * kTile;
}

int64_t stride2_weights_tiles(const Conv2dDims& d, bool kept) {
  return has_many_weights(d) ? (kept ? 20 : 27) : 0;
}
int64_t stride2_gradients_tiles(const Conv2dDims& d) { return has_many_weights(d) ? 6 : 20; }

void stride2_forward(const Conv2dDims& d, const float* src, const float* weights, const float* bias,
                     const Epilogue& epilogue, float* dst, PreparedWeights* prepared) {
  if (is_empty(d)) return;
  const auto tap = [&](int64_t t) {
    return MatrixView{weights + (d.rotated ? 8 - t : t) * d.ic * d.oc, d.oc, 1, scale_of(prepared)};
  };
  const Stride2Pass::Geometry geometry = {.tile = 2,
                                          .patch = 5,
                                          .advance = 4,
                                          .y = {-d.pad_top, false},
                                          .x = {-d.pad_left, false},
                                          .needs = kOutputNeeds,
                                          .input = kernels().stride2.input,
                                          .output = kernels().stride2.output};
  const PointProducts products(5, 5, kForward, kForward);
  Stride2Pass(d, geometry, products, src, bias, epilogue, dst).run(tap, prepared);
}

void stride2_backward_data(const Conv2dDims& d, const float* diff_dst, const float* weights,
                           const float* bias, const Epilogue& epilogue, float* diff_src) {
  Conv2dDims back = d;
  back.ih = d.oh, back.iw = d.ow, back.ic = d.oc;
  back.oh = d.ih, back.ow = d.iw, back.oc = d.ic;
  if (is_empty(back)) return;
  const auto tap = [&](int64_t t) {
    return MatrixView{weights + (d.rotated ? 8 - t : t) * d.ic * d.oc, 1, d.oc};
  };
  // Pixels at an even place of the padded image meet two taps, those at an odd one the third. Tiles
  // begin with a pixel that meets two, or end with it.
  const auto axis = [](int64_t padding) {
    return Stride2Axis{(padding + 1) / 2 - 1, padding % 2 == 1};
  };
  const Stride2Axis y = axis(d.pad_top), x = axis(d.pad_left);
  const Stride2Pass::Geometry geometry = {.tile = 4,
                                          .patch = 3,
                                          .advance = 2,
                                          .y = y,
                                          .x = x,
                                          .needs = kBackwardNeeds,
                                          .input = kernels().stride2.back_input,
                                          .output = kernels().stride2.back_output};
  const PointProducts products(4, 5, y.mirrored ? kMirrored : kBackward,
                               x.mirrored ? kMirrored : kBackward);
  Stride2Pass(back, geometry, products, diff_dst, bias, epilogue, diff_src).run(tap, nullptr);
}

}  // namespace cnnx
