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

}  // namespace

void unpacked_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                               float* diff_weights) {
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  const Strips strips(dims, {src}, 1);
  const StripGradients gradients(dims, diff_dst, strips);
  const int64_t together = pixels_together(dims);
  const int64_t rest = dims.ow % together;
  const Runs runs(dims, strips.row_stride(), together);
  const Runs runs_of_rest(dims, strips.row_stride(), rest);
  const TapCut cut = best_cut(dims, runs, together);
  const TapCut cut_of_rest(kernels().conv_weights[0], runs_of_rest, 0);

  const int64_t ldw = together * dims.oc;
  const int64_t size = runs.count() * runs.floats() * ldw;
  const PartialSums partial_sums(size, strips.count());
  const int64_t work = dims.mb * dims.oh * dims.ow * size / together;
  const int threads = threads_for_work(partial_sums.parts(), work, kConvGrain);

  const int64_t gradient_row = dims.ow * dims.oc;
  const int64_t unpooled = gradients.scratch();
  const int64_t unfolded = together > 1 ? Scratchpad::padded(size) : 0;
  Scratchpad scratch(partial_sums.scratch() + unfolded, threads, strips.scratch() + unpooled);
  float* const total = together > 1 ? scratch.take(unfolded) : diff_weights;

  // The sums of some rows of one group, for the pixels whose taps are those of `seen`.
  const auto add_rows = [&](const ConvRows& rows, const Runs& seen, const TapCut& cut,
                            const float* input, const float* dy, int64_t cols, float* sums) {
    const ConvWeightsTile& tile = *cut.tile;
    for (int64_t c = 0; c < cols; c += tile.channels) {
      for (int64_t run = 0; run < seen.count(); run += tile.runs) {
        for (int64_t part = 0; part < cut.parts; ++part) {
          const int64_t j = cut.begin(part);
          const ConvTaps taps = {.taps = cut.begin(part + 1) - j,
                                 .run_stride = seen.offset(1) - seen.offset(0),
                                 .run_taps = runs.floats(),
                                 .step_taps = cut.floats};
          tile.microkernel(rows, taps, input + seen.offset(run) + j, dy + c,
                           sums + (run * runs.floats() + j) * ldw + c, ldw,
                           std::min(tile.channels, cols - c));
        }
      }
    }
  };
  const int64_t rows_in_l1 =
      std::max<int64_t>(kL1Floats / (dims.ow * std::min(cut.tile->channels, together * ocg)), 1);
  const auto add_strip = [&](int64_t strip, float* copy, float* sums) {
    const float* const input = strips.input(strip, copy);
    const float* const dy = gradients.of(strip, copy + strips.scratch());
    const int64_t strip_rows = strips.rows(strip);
    ConvRows rows = {.images = 1,
                     .count = 0,
                     .pixels = dims.ow / together,
                     .src_image_stride = strips.image_stride(),
                     .src_row_stride = dims.stride_h * strips.row_stride(),
                     .src_stride = together * dims.stride_w * dims.ic,
                     .dst_row_stride = gradient_row,
                     .dst_stride = together * dims.oc};
    const Pieces pieces(strips.images(strip), strip_rows, rows_in_l1);
    for (int64_t i = 0; i < pieces.count(); ++i) {
      const Piece piece = pieces[i];
      rows.images = piece.images, rows.count = piece.rows;
      const float* const x =
          input + piece.image * rows.src_image_stride + piece.row * rows.src_row_stride;
      const float* const y = dy + (piece.image * strip_rows + piece.row) * gradient_row;
      for (int64_t g = 0; g < dims.groups; ++g) {
        add_rows(rows, runs, cut, x + g * icg, y + g * ocg, together * ocg, sums + g * ocg);
      }
    }
    if (rest > 0) {
      rows.images = strips.images(strip), rows.count = strip_rows, rows.pixels = 1;
      const int64_t last = dims.ow - rest;
      add_rows(rows, runs_of_rest, cut_of_rest, input + last * dims.stride_w * dims.ic,
               dy + last * dims.oc, rest * dims.oc, sums);
    }
  };
  partial_sums.add(threads, scratch, total,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     float* const copy = scratch.of_thread(thread);
                     for (int64_t strip = begin; strip < end; ++strip) add_strip(strip, copy, sums);
                   });
  if (together > 1) fold_pixels(dims, runs.taps(), together, total, diff_weights);
}

}  // namespace cnnx
