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

constexpr int64_t kL1Floats = 6144;  // 24 KiB of gradients, read again for every tap

// Adjacent pixels whose gradients fill a vector that those of one pixel would not. The sums for
// pixel i of a vector stand i strides further on in its taps; fold_pixels adds them up.
int64_t pixels_together(const Conv2dDims& d) {
  const auto& tiles = kernels().conv_weights;
  if (d.groups > 1 || d.dilation_w > 1 || d.kw <= d.stride_w) return 1;
  const auto narrower = [](const ConvWeightsTile& a, const ConvWeightsTile& b) {
    return a.channels < b.channels;
  };
  const int64_t lanes = std::min_element(std::begin(tiles), std::end(tiles), narrower)->channels;
  return std::clamp<int64_t>(lanes / d.oc, 1, d.ow);
}

// The tile that wastes the fewest lanes and takes all taps of several runs if they are few; the
// widest of equals.
const ConvWeightsTile& tile_for(const Runs& runs, bool regular, int64_t channels) {
  const auto& tiles = kernels().conv_weights;
  const auto cost = [=](const ConvWeightsTile& tile) {
    return ceil_div(channels, tile.channels) * tile.channels;
  };
  const ConvWeightsTile* best = &tiles[0];
  for (const ConvWeightsTile& tile : tiles) {
    if (tile.runs > 1 && (!regular || runs.count() % tile.runs != 0 || runs.floats() > tile.taps)) {
      continue;
    }
    if (cost(tile) < cost(*best) || (cost(tile) == cost(*best) && tile.runs > best->runs)) {
      best = &tile;
    }
  }
  return *best;
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

void unpacked_backward_weights(const Conv2dDims& dims, const float* src, DiffDst diff_dst,
                               float* diff_weights) {
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  const Strips strips(dims, {src}, 1);
  const StripGradients gradients(dims, diff_dst, strips);
  const int64_t together = pixels_together(dims);
  const int64_t rest = dims.ow % together;
  const Runs runs(dims, strips.row_stride(), together);
  const Runs runs_of_rest(dims, strips.row_stride(), rest);
  const bool regular = runs.count() == dims.kh;
  const ConvWeightsTile& tile = tile_for(runs, regular, together * ocg);

  const int64_t ldw = together * dims.oc;
  const int64_t size = runs.count() * runs.floats() * ldw;
  const PartialSums partial_sums(size, strips.count());
  const int64_t work = std::max<int64_t>(dims.mb * dims.oh * dims.ow * size / together, 1);
  const int threads = threads_for(partial_sums.parts(), kConvGrain * partial_sums.parts() / work);

  const int64_t gradient_row = dims.ow * dims.oc;
  const int64_t unpooled = gradients.scratch();
  const int64_t unfolded = together > 1 ? Scratchpad::padded(size) : 0;
  Scratchpad scratch(partial_sums.scratch() + unfolded + (strips.scratch() + unpooled) * threads);
  float* const copies = scratch.take((strips.scratch() + unpooled) * threads);
  float* const total = together > 1 ? scratch.take(unfolded) : diff_weights;

  // The sums of some rows of one group, for the pixels whose taps are those of `seen`.
  const auto add_rows = [&](const ConvRows& rows, const Runs& seen, const float* input,
                            const float* dy, int64_t cols, float* sums) {
    const int64_t tiles = ceil_div(seen.floats(), tile.taps);
    for (int64_t c = 0; c < cols; c += tile.channels) {
      for (int64_t run = 0; run < seen.count(); run += tile.runs) {
        for (int64_t t = 0; t < tiles; ++t) {
          const int64_t j = seen.floats() * t / tiles;
          const ConvTaps taps = {.taps = seen.floats() * (t + 1) / tiles - j,
                                 .run_stride = seen.offset(1) - seen.offset(0),
                                 .run_taps = runs.floats()};
          tile.microkernel(rows, taps, input + seen.offset(run) + j, dy + c,
                           sums + (run * runs.floats() + j) * ldw + c, ldw,
                           std::min(tile.channels, cols - c));
        }
      }
    }
  };
  const int64_t rows_in_l1 =
      std::max<int64_t>(kL1Floats / (dims.ow * std::min(tile.channels, together * ocg)), 1);
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
        add_rows(rows, runs, x + g * icg, y + g * ocg, together * ocg, sums + g * ocg);
      }
    }
    if (rest > 0) {
      rows.images = strips.images(strip), rows.count = strip_rows, rows.pixels = 1;
      const int64_t last = dims.ow - rest;
      add_rows(rows, runs_of_rest, input + last * dims.stride_w * dims.ic, dy + last * dims.oc,
               rest * dims.oc, sums);
    }
  };
  partial_sums.add(threads, scratch, total,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     float* const copy = copies + thread * (strips.scratch() + unpooled);
                     for (int64_t strip = begin; strip < end; ++strip) add_strip(strip, copy, sums);
                   });
  if (together > 1) fold_pixels(dims, runs.taps(), together, total, diff_weights);
}

}  // namespace cnnx
