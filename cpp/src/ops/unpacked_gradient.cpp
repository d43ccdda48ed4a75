// The gradient of the weights from src where it lies, for few channels: taps of several kernel rows
// and the gradients of several pixels fill the registers.
#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/conv_runs.hpp"
#include "ops/correlation.hpp"
#include "ops/partial_sums.hpp"
#include "ops/strip_gradients.hpp"
#include "ops/strips.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

// Adjacent pixels whose gradients fill a vector that those of one pixel would not. The sums for
// pixel i of a vector stand i strides further on in its taps; fold_pixels adds them up.
int64_t pixels_together(const Conv2dDims& d) {
  if (d.groups > 1 || d.dilation_w > 1 || d.kw <= d.stride_w) return 1;
  const int64_t lanes = kernels().conv_weights[kOneRunTiles - 1].channels;
  return std::clamp<int64_t>(lanes / d.oc, 1, d.ow);
}

// One tile after the other takes all taps that pixels `stride` floats apart see: `parts` of a run,
// or of the floats of its every step.
struct TapCut {
  TapCut(const ConvWeightsTile& tile, const Runs& runs, int64_t stride)
      : tile(&tile),
        floats(tile.steps == 1 ? runs.floats() : stride),
        parts(ceil_div(floats, tile.taps)) {}
  int64_t begin(int64_t part) const { return floats * part / parts; }

  const ConvWeightsTile* tile;
  int64_t floats, parts;
};

// The cut that takes the least time.
TapCut best_cut(const Conv2dDims& d, const Runs& runs, int64_t together) {
  const auto& tiles = kernels().conv_weights;
  const int64_t lanes = tiles[kOneRunTiles - 1].channels;
  const int64_t stride = together * d.stride_w * d.ic, channels = together * (d.oc / d.groups);
  const auto cost = [&](const TapCut& cut) {
    const ConvWeightsTile& tile = *cut.tile;
    const int64_t taps = tile.runs * ceil_div(cut.floats, cut.parts), wide = tile.channels / lanes;
    return ceil_div(channels, tile.channels) * (runs.count() / tile.runs) * cut.parts *
           tile_time(taps * tile.steps * wide, taps + wide);
  };
  TapCut best(tiles[0], runs, stride);
  for (const ConvWeightsTile& tile : tiles) {
    const bool regular = tile.runs == 1 || (runs.count() == d.kh && d.kh % tile.runs == 0);
    const bool stepwise =
        tile.steps == 1 || (runs.floats() == tile.steps * stride && d.ow / together >= tile.steps);
    const TapCut cut(tile, runs, stride);
    if (regular && stepwise && cost(cut) < cost(best)) best = cut;
  }
  return best;
}

// diff_weights (kh, kw, ic, oc) of sums (kh, taps, ic, pixels, oc).
void fold_pixels(const Conv2dDims& d, int64_t taps, int64_t pixels, const float* sums,
                 float* diff_weights) {
  for (int64_t t = 0; t < d.kh * d.kw; ++t) {
    for (int64_t c = 0; c < d.ic; ++c, diff_weights += d.oc) {
      std::fill_n(diff_weights, d.oc, 0.0f);
      for (int64_t i = 0; i < pixels; ++i) {
        const int64_t tap = t / d.kw * taps + t % d.kw + i * d.stride_w;
        const float* const sum = sums + ((tap * d.ic + c) * pixels + i) * d.oc;
        for (int64_t o = 0; o < d.oc; ++o) diff_weights[o] += sum[o];
      }
    }
  }
}

// Strips where they lie, each of whose pixels adds to the sums of its taps (kh, taps, ic, pixels of
// a vector, oc).
class UnpackedStrips {
 public:
  UnpackedStrips(const Conv2dDims& dims, const float* src, Images diff_dst)
      : d_(dims),
        strips_(dims, {src}, 1),
        gradients_(dims, diff_dst, strips_),
        together_(pixels_together(dims)),
        rest_(dims.ow % together_),
        runs_(dims, strips_.row_stride(), together_),
        runs_of_rest_(dims, strips_.row_stride(), rest_),
        cut_(best_cut(dims, runs_, together_)),
        cut_of_rest_(kernels().conv_weights[0], runs_of_rest_, 0) {
    const int64_t cols = std::min(cut_.tile->channels, together_ * (dims.oc / dims.groups));
    rows_in_l1_ = std::max<int64_t>(kL1Floats / (dims.ow * cols), 1);
  }

  int64_t count() const { return strips_.count(); }
  int64_t together() const { return together_; }  // pixels of a vector
  int64_t taps() const { return runs_.taps(); }
  int64_t size() const { return runs_.count() * runs_.floats() * sums_stride(); }
  // Of a thread.
  int64_t scratch() const { return strips_.scratch() + gradients_.scratch(); }

  void add(int64_t strip, float* copy, float* sums) const {
    const int64_t icg = d_.ic / d_.groups, ocg = d_.oc / d_.groups;
    const float* const input = strips_.input(strip, copy);
    const float* const dy = gradients_.of(strip, copy + strips_.scratch());
    const int64_t strip_rows = strips_.rows(strip);
    ConvRows rows = {.images = 1,
                     .count = 0,
                     .pixels = d_.ow / together_,
                     .src_image_stride = strips_.image_stride(),
                     .src_row_stride = d_.stride_h * strips_.row_stride(),
                     .src_stride = together_ * d_.stride_w * d_.ic,
                     .dst_row_stride = d_.ow * d_.oc,
                     .dst_stride = together_ * d_.oc};
    const Pieces pieces(strips_.images(strip), strip_rows, rows_in_l1_);
    for (int64_t i = 0; i < pieces.count(); ++i) {
      const Piece piece = pieces[i];
      rows.images = piece.images, rows.count = piece.rows;
      const float* const x =
          input + piece.image * rows.src_image_stride + piece.row * rows.src_row_stride;
      const float* const y = dy + (piece.image * strip_rows + piece.row) * rows.dst_row_stride;
      for (int64_t g = 0; g < d_.groups; ++g) {
        add_rows(rows, runs_, cut_, x + g * icg, y + g * ocg, together_ * ocg, sums + g * ocg);
      }
    }
    if (rest_ > 0) {
      rows.images = strips_.images(strip), rows.count = strip_rows, rows.pixels = 1;
      const int64_t last = d_.ow - rest_;
      add_rows(rows, runs_of_rest_, cut_of_rest_, input + last * d_.stride_w * d_.ic,
               dy + last * d_.oc, rest_ * d_.oc, sums);
    }
  }

 private:
  int64_t sums_stride() const { return together_ * d_.oc; }

  // The sums of some rows of one group, for the pixels whose taps are those of `seen`.
  void add_rows(const ConvRows& rows, const Runs& seen, const TapCut& cut, const float* input,
                const float* dy, int64_t cols, float* sums) const {
    const ConvWeightsTile& tile = *cut.tile;
    const int64_t ldw = sums_stride();
    for (int64_t c = 0; c < cols; c += tile.channels) {
      for (int64_t run = 0; run < seen.count(); run += tile.runs) {
        for (int64_t part = 0; part < cut.parts; ++part) {
          const int64_t j = cut.begin(part);
          const ConvTaps taps = {.taps = cut.begin(part + 1) - j,
                                 .run_stride = seen.offset(1) - seen.offset(0),
                                 .run_taps = runs_.floats(),
                                 .step_taps = cut.floats};
          tile.microkernel(rows, taps, input + seen.offset(run) + j, dy + c,
                           sums + (run * runs_.floats() + j) * ldw + c, ldw,
                           std::min(tile.channels, cols - c));
        }
      }
    }
  }

  Conv2dDims d_;
  Strips strips_;
  StripGradients gradients_;
  int64_t together_, rest_;
  Runs runs_, runs_of_rest_;
  TapCut cut_, cut_of_rest_;
  int64_t rows_in_l1_;
};

}  // namespace

void unpacked_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                               float* diff_weights) {
  const UnpackedStrips strips(dims, src, diff_dst);
  const int64_t size = strips.size();
  const bool folds = strips.together() > 1;
  const PartialSums partial_sums(size, strips.count());
  const int64_t work = dims.mb * dims.oh * dims.ow * size / strips.together();
  const int threads = threads_for_work(partial_sums.parts(), work, kConvGrain);
  const int64_t unfolded = folds ? Scratchpad::padded(size) : 0;
  Scratchpad scratch(partial_sums.scratch() + unfolded, threads, strips.scratch());
  float* const total = folds ? scratch.take(unfolded) : diff_weights;
  partial_sums.add(threads, scratch, total,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     float* const copy = scratch.of_thread(thread);
                     for (int64_t strip = begin; strip < end; ++strip) {
                       strips.add(strip, copy, sums);
                     }
                   });
  if (folds) fold_pixels(dims, strips.taps(), strips.together(), total, diff_weights);
}

}  // namespace cnnx
