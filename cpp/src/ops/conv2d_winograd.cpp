#include "ops/conv2d_winograd.hpp"

#include <algorithm>

#include "gemm/pack.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv_runs.hpp"
#include "ops/epilogue.hpp"
#include "ops/prepared_weights.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPoints = WinogradTiles::kPoints, kTile = WinogradTiles::kTile;

// Output channels [begin, end).
struct Channels {
  int64_t begin, end;
};

// The points of the weights, packed for the micro-kernel.
class WinogradWeights {
 public:
  WinogradWeights(int64_t ic, int64_t oc)
      : tile_(tile_for<ConvTile>(std::span(kernels().conv).first<kOneStepTiles>(), oc)),
        ic_(ic),
        oc_(oc),
        stride_(WinogradTiles::point_stride(ceil_div(oc, tile_.channels) * tile_.channels, ic)) {}

  int64_t scratch(const PreparedWeights* prepared) const {
    return form_scratch(prepared, kPoints * stride_);
  }
  int64_t thread_scratch() const { return 9 * kRows * tile_.channels; }

  // tap(t) is the matrix (ic, oc) of tap t.
  template <typename Tap>
  void transform(Tap tap, int threads, Scratchpad& scratch, PreparedWeights* prepared) {
    points_ = weights_form(prepared, {&kernels().winograd, 0}, kPoints * stride_, scratch,
                           [&](float* points) { transform(tap, threads, scratch, points); });
  }

  // Output channels in whole register tiles; the last part has the rest, too.
  int64_t parts() const { return std::max<int64_t>(oc_ / tile_.channels, 1); }
  Channels channels(int64_t first, int64_t last) const {
    return {first * tile_.channels, last == parts() ? oc_ : last * tile_.channels};
  }

  // outputs (tiles, oc) = inputs (tiles, ic) times the weights, for points [first, last) and some
  // channels.
  void multiply(int64_t first, int64_t last, const Channels& channels, int64_t tiles,
                const float* inputs, int64_t input_stride, float* outputs,
                int64_t output_stride) const {
    const bool far = kPoints * stride_ > kNearWeights;
    const int64_t begin = channels.begin * ic_;
    const float* weights = points_ + first * stride_ + begin;
    for (int64_t point = first; point < last; ++point) {
      for (int64_t c = channels.begin; c < channels.end; c += tile_.channels) {
        const float* const panel = weights;
        weights = c + tile_.channels < channels.end ? panel + tile_.channels * ic_
                                                    : points_ + (point + 1) * stride_ + begin;
        const Later later = {weights, far ? tile_.channels * ic_ : 0};
        multiply(tiles, inputs + point * input_stride, ic_, panel, outputs + point * output_stride,
                 c, false, later);
      }
    }
  }
  // The same for all points, of channels that fill register tiles [first, last): their weights are
  // transformed a few rows at a time, and do not leave the cache before they are used.
  int64_t panels() const { return ceil_div(oc_, tile_.channels); }
  int64_t transient_scratch() const { return thread_scratch() + kPoints * transient_stride(); }
  template <typename Tap>
  void transform_and_multiply(Tap tap, int64_t first, int64_t last, int64_t tiles,
                              const float* inputs, int64_t input_stride, float* outputs,
                              int64_t output_stride, float* scratch) const {
    float* const points = scratch + thread_scratch();
    for (int64_t c = first * tile_.channels; c < std::min(last * tile_.channels, oc_);
         c += tile_.channels) {
      for (int64_t row = 0; row < ic_; row += kTransientRows) {
        const int64_t end = std::min(row + kTransientRows, ic_);
        for (int64_t r = row; r < end; r += kRows) {
          transform(tap, r, std::min(kRows, end - r), c, scratch,
                    points + (r - row) * tile_.channels, transient_stride());
        }
        for (int64_t point = 0; point < kPoints; ++point) {
          multiply(tiles, inputs + point * input_stride + row, end - row,
                   points + point * transient_stride(), outputs + point * output_stride, c, row > 0,
                   {});
        }
      }
    }
  }

 private:
  static constexpr int64_t kNearWeights = 1 << 20;  // floats of all points that L2 nearly holds
  static constexpr int64_t kRows = 16;              // input channels whose taps are packed at once
  static constexpr int64_t kTransientRows = 96;     // whose points stay in L2

  int64_t transient_stride() const {
    return WinogradTiles::point_stride(kTransientRows, tile_.channels);
  }

  template <typename Tap>
  void transform(Tap tap, int threads, const Scratchpad& scratch, float* points) const {
    const int64_t pieces = ceil_div(ic_, kRows);
    parallel_for(threads, panels() * pieces, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t channel = i / pieces * tile_.channels, row = i % pieces * kRows;
        transform(tap, row, std::min(kRows, ic_ - row), channel, scratch.of_thread(thread),
                  points + channel * ic_ + row * tile_.channels, stride_);
      }
    });
  }
  // Of some rows and the channels of a register tile.
  template <typename Tap>
  void transform(Tap tap, int64_t row, int64_t rows, int64_t channel, float* packed, float* points,
                 int64_t stride) const {
    const int64_t size = rows * tile_.channels;
    for (int64_t t = 0; t < 9; ++t) {
      pack_b(tap(t).from(row, channel), rows, std::min(tile_.channels, oc_ - channel),
             tile_.channels, packed + t * size);
    }
    kernels().winograd.weights(size, packed, size, points, stride);
  }

  // Adds `rows` input channels to the products of a point, for the channels of a register tile.
  void multiply(int64_t tiles, const float* inputs, int64_t rows, const float* weights,
                float* outputs, int64_t channel, bool accumulate, Later later) const {
    const int64_t offset = 0;
    const int64_t pieces = later.floats > 0 ? ceil_div(tiles, tile_.pixels) : 1;
    ConvRuns run{1, rows, &offset};
    for (int64_t i = 0; i < pieces; ++i) {
      const int64_t begin = tiles * i / pieces, end = tiles * (i + 1) / pieces;
      float* const to = outputs + begin * oc_ + channel;
      fetch_share(run, tile_, ic_, pieces - i, later);
      tile_.microkernel(run, inputs + begin * ic_, ic_, weights, nullptr, to, oc_, end - begin,
                        std::min(tile_.channels, oc_ - channel), accumulate ? to : nullptr);
    }
  }

  const ConvTile& tile_;
  int64_t ic_, oc_, stride_;
  const float* points_ = nullptr;
};

// The outputs block by block: the inputs of its tiles are transformed, multiplied by the weights,
// and the products transformed to outputs.
class WinogradCorrelation {
 public:
  WinogradCorrelation(const Conv2dDims& d, Images src, const float* bias, const Epilogue& epilogue,
                      float* dst)
      : d_(d),
        addend_(epilogue.addend),
        clipped_(clipping(after_addition(epilogue))),
        bias_(bias),
        dst_(dst),
        tiles_(d),
        patches_(src, d.ih, d.iw, d.ic),
        weights_(d.ic, d.oc),
        in_stride_(tiles_.point_stride(d.ic)),
        out_stride_(tiles_.point_stride(d.oc)) {}

  // tap(t) is the matrix (ic, oc) of tap t.
  template <typename Tap>
  void run(Tap tap, PreparedWeights* prepared) {
    const int64_t block_scratch = kPoints * (in_stride_ + out_stride_);
    const bool transient = tiles_.few() && prepared == nullptr;
    // Each thread reads a part of the weights, and all inputs.
    const bool by_channels = !tiles_.shared() && tiles_.blocks() == 1;
    const int64_t items = transient         ? weights_.panels()
                          : tiles_.shared() ? kPoints
                          : by_channels     ? weights_.parts()
                                            : tiles_.blocks();
    const int64_t work = tiles_.count() * kPoints * d_.ic * d_.oc;
    const int threads = threads_for_work(items, work, kWinogradGrain);
    const int64_t shared = tiles_.shared() ? block_scratch : 0;
    const int64_t own = transient ? weights_.transient_scratch()
                                  : std::max(weights_.thread_scratch(), block_scratch - shared);

    Scratchpad scratch(patches_.scratch() + (transient ? 0 : weights_.scratch(prepared)) + shared,
                       threads, own);
    patches_.use(scratch);
    if (transient) {
      make_blocks_together(threads, scratch.take(shared), weights_.panels(),
                           [&](int64_t begin, int64_t end, int thread, int64_t count,
                               const float* inputs, float* outputs) {
                             weights_.transform_and_multiply(tap, begin, end, count, inputs,
                                                             in_stride_, outputs, out_stride_,
                                                             scratch.of_thread(thread));
                           });
      return;
    }
    weights_.transform(tap, threads, scratch, prepared);
    if (tiles_.shared()) {
      make_blocks_together(
          threads, scratch.take(shared), kPoints,
          [&](int64_t begin, int64_t end, int, int64_t count, const float* inputs, float* outputs) {
            weights_.multiply(begin, end, {0, d_.oc}, count, inputs, in_stride_, outputs,
                              out_stride_);
          });
    } else if (by_channels) {
      parallel_for(threads, items, [&](int64_t begin, int64_t end, int thread) {
        make_tiles(0, tiles_.count(), weights_.channels(begin, end), scratch.of_thread(thread));
      });
    } else {
      for_each_own_block(tiles_, threads, pieces_for(work, threads), scratch,
                         [&](int64_t begin, int64_t end, float* own_scratch) {
                           make_tiles(begin, end, {0, d_.oc}, own_scratch);
                         });
    }
  }

 private:
  // All threads make a block step by step: multiply(begin, end, thread, tiles, inputs, outputs)
  // makes some of the items of its products.
  template <typename Multiply>
  void make_blocks_together(int threads, float* inputs, int64_t items, Multiply multiply) const {
    float* const outputs = inputs + kPoints * in_stride_;
    for_each_shared_block(tiles_, threads, [&](const SharedBlock& block) {
      block.for_tiles([&](int64_t begin, int64_t end, int64_t place) {
        transform_inputs(begin, end, inputs + place * d_.ic);
      });
      parallel_for(threads, items, [&](int64_t begin, int64_t end, int thread) {
        multiply(begin, end, thread, block.count, inputs, outputs);
      });
      block.for_tiles([&](int64_t begin, int64_t end, int64_t place) {
        transform_outputs(begin, end, {0, d_.oc}, outputs + place * d_.oc);
      });
    });
  }

  // A thread makes some channels of some tiles.
  void make_tiles(int64_t begin, int64_t end, const Channels& channels, float* in) const {
    float* const out = in + kPoints * in_stride_;
    transform_inputs(begin, end, in);
    weights_.multiply(0, kPoints, channels, end - begin, in, in_stride_, out, out_stride_);
    transform_outputs(begin, end, channels, out);
  }

  void transform_inputs(int64_t begin, int64_t end, float* points) const {
    for (int64_t tile = begin; tile < end; ++tile, points += d_.ic) {
      const auto [image, y, x] = tiles_.place(tile);
      patches_.input(image, y - d_.pad_top, x - d_.pad_left, points, in_stride_);
    }
  }

  void transform_outputs(int64_t begin, int64_t end, const Channels& channels,
                         const float* points) const {
    const Epilogue& rest = clipped_.rest;
    const bool pooled = rest.pool != Pooling::none;
    const int64_t together = pooled ? 2 : 1;
    const int64_t dst_row = d_.ow / together * d_.oc, count = channels.end - channels.begin;
    const float* const bias = bias_ == nullptr ? nullptr : bias_ + channels.begin;
    const auto& kernel = kernels().winograd;
    const auto transform_tile = pooled ? kernel.pooled_output : kernel.output;
    for (int64_t tile = begin; tile < end;) {
      // Tiles that lie side by side are finished together.
      const auto [image, y, x] = tiles_.place(tile);
      const int64_t beside = std::min(end, tiles_.row_end(tile)) - tile;
      const int64_t rows = std::min(kTile, d_.oh - y) / together;
      const int64_t cols = std::min(beside * kTile, d_.ow - x) / together;
      const int64_t first =
          (image * d_.oh + y) / together * dst_row + x / together * d_.oc + channels.begin;
      for (int64_t col = 0; col < cols; col += kTile / together, ++tile, points += d_.oc) {
        const int64_t to = first + col * d_.oc;
        transform_tile(count, points + channels.begin, out_stride_, bias,
                       {.dst = dst_ + to,
                        .addend = addend_ == nullptr ? nullptr : addend_ + to,
                        .codes = rest.codes == nullptr ? nullptr : rest.codes + to,
                        .row_stride = dst_row,
                        .pixel_stride = d_.oc,
                        .rows = rows,
                        .cols = std::min(kTile / together, cols - col),
                        .range = clipped_.range});
      }
      if (is_finished(rest)) continue;
      const int64_t pixels = count == d_.oc ? 1 : cols;  // that are finished one by one
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t x = 0; x < pixels; ++x) {
          finish(rest, cols / pixels * count, first + row * dst_row + x * d_.oc, dst_);
        }
      }
    }
  }

  Conv2dDims d_;
  const float* addend_;
  Clipping clipped_;
  const float* bias_;
  float* dst_;
  WinogradTiles tiles_;
  WinogradPatches patches_;
  WinogradWeights weights_;
  int64_t in_stride_, out_stride_;
};

}  // namespace

bool has_winograd(const Conv2dDims& d) {
  return d.kh == 3 && d.kw == 3 && d.stride_h == 1 && d.stride_w == 1 && d.dilation_h == 1 &&
         d.dilation_w == 1 && d.groups == 1 && d.ic >= kWinogradChannels &&
         d.oc >= kWinogradChannels;
}

bool winograd_pays(const Conv2dDims& d, int64_t weights_tiles) {
  constexpr int64_t kTileOutputs = 5;          // a tile costs as much as these many outputs
  constexpr int64_t kMostWeights = 512 * 512;  // their points fit in the scratch that is kept
  return has_winograd(d) && d.ic * d.oc <= kMostWeights &&
         (WinogradTiles(d).count() + weights_tiles) * kTileOutputs <= d.mb * d.oh * d.ow;
}

int64_t winograd_weights_tiles(const Conv2dDims& d) { return WinogradTiles(d).few() ? 5 : 17; }

void winograd_forward(const Conv2dDims& d, const float* src, const float* weights,
                      const float* bias, const Epilogue& epilogue, float* dst,
                      PreparedWeights* prepared) {
  if (is_empty(d)) return;
  const auto tap = [&](int64_t t) {
    return MatrixView{weights + (d.rotated ? 8 - t : t) * d.ic * d.oc, d.oc, 1, scale_of(prepared)};
  };
  WinogradCorrelation(d, {src}, bias, epilogue, dst).run(tap, prepared);
}

void winograd_backward_data(const Conv2dDims& d, Images diff_dst, const float* weights,
                            const float* bias, const Epilogue& epilogue, float* diff_src) {
  const Conv2dDims back = backward_dims(d);
  if (is_empty(back)) return;
  const auto tap = [&](int64_t t) {
    return MatrixView{weights + (d.rotated ? t : 8 - t) * d.ic * d.oc, 1, d.oc};
  };
  WinogradCorrelation(back, diff_dst, bias, epilogue, diff_src).run(tap, nullptr);
}

}  // namespace cnnx
