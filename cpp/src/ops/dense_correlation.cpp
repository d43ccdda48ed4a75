#include <algorithm>

#include "gemm/pack.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/conv_runs.hpp"
#include "ops/correlation.hpp"
#include "ops/prepared_weights.hpp"
#include "ops/row_cut.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPassFloats = 9216;  // 36 KiB of weights of one block: most of L1

// The weights of a pass: whole runs where vectors overlap, as a second pass would add twice, or
// where a tile takes a run in steps. Those read a weight for so many products that it may come
// from L2.
int64_t pass_floats(const Runs& runs, const RowCut& cut) {
  if (cut.together() > 1) return runs.floats() * runs.count();
  const int64_t floats = kPassFloats / cut.tile().channels;
  return cut.tile().steps > 1 ? std::max(floats, runs.floats()) : floats;
}

// packed holds (floats of all runs, tile.channels): the weights of the channels from `first` on of
// a group. Pixels that share a vector find their taps one after the other, and zeros.
void pack_block(const Conv2dDims& d, const Runs& runs, const RowCut& cut, const KernelTaps& taps,
                int64_t group, int64_t first, float* packed) {
  const int64_t icg = d.ic / d.groups, ocg = d.oc / d.groups;
  const int64_t channels = cut.tile().channels;
  Pace pace;
  for (int64_t run = 0; cut.together() > 1 && run < runs.count(); ++run) {
    const int64_t floats = runs.floats() * channels;
    std::fill_n(packed + run * floats, floats, 0.0f);
    if (pace.stops(floats)) return;
  }
  for (int64_t t = 0; t < d.kh * d.kw; ++t) {
    if (pace.stops(icg * channels)) return;
    MatrixView view = taps.matrix(t / d.kw, t % d.kw, group);
    if (cut.together() == 1) {
      view.data += first * view.col_stride;
      pack_b(view, icg, std::min(channels, ocg - first), channels, packed + t * icg * channels);
      continue;
    }
    for (int64_t pixel = 0; pixel < cut.together(); ++pixel) {
      const int64_t place = t / d.kw * runs.taps() + t % d.kw + pixel * d.stride_w;
      float* out = packed + place * icg * channels + pixel * ocg;
      for (int64_t c = 0; c < icg; ++c, out += channels) {
        for (int64_t o = 0; o < ocg; ++o) {
          out[o] = view.data[c * view.row_stride + o * view.col_stride];
        }
      }
    }
  }
}

// All groups' blocks of channels, one after the other.
void pack_weights(const Conv2dDims& d, const Runs& runs, const RowCut& cut, const KernelTaps& taps,
                  float* packed) {
  const int64_t channels = cut.tile().channels, blocks = ceil_div(d.oc / d.groups, channels);
  const int64_t block = runs.count() * runs.floats() * channels, count = d.groups * blocks;
  parallel_for(threads_for_rows(count, block), count, [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) {
      pack_block(d, runs, cut, taps, b / blocks, b % blocks * channels, packed + b * block);
    }
  });
}

}  // namespace

void dense_correlate(const Conv2dDims& dims, Images src, const KernelTaps& taps, const float* bias,
                     const Epilogue& epilogue, const OutputPixels& dst, PreparedWeights* prepared) {
  const Correlation correlation(dims, src, epilogue);
  const Strips& strips = correlation.strips();
  const RowCut cut = RowCut::best(dims, dst.pixel_stride == dims.oc);
  const ConvTile& tile = cut.tile();
  const Runs runs(dims, strips.row_stride(), cut.together());
  const Passes passes(runs, pass_floats(runs, cut));
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  const int64_t blocks = ceil_div(ocg, tile.channels);
  const int64_t block = runs.count() * runs.floats() * tile.channels;
  const int64_t packed = dims.groups * blocks * block;
  const int64_t biases = Scratchpad::padded(tile.channels);

  Scratchpad scratch(form_scratch(prepared, packed) + biases + passes.scratch(),
                     correlation.threads(), correlation.scratch());
  const float* const weights =
      weights_form(prepared, {&tile, cut.together()}, packed, scratch,
                   [&](float* memory) { pack_weights(dims, runs, cut, taps, memory); });
  const int64_t* const offsets = passes.offsets(scratch);
  if (bias != nullptr && cut.together() > 1) {
    float* const repeated = scratch.take(biases);
    for (int64_t i = 0; i < cut.together(); ++i) std::copy_n(bias, ocg, repeated + i * ocg);
    bias = repeated;
  }

  correlation.run(scratch, dst, [&](int64_t strip, const float* input, const OutputPixels& out) {
    const int64_t images = strips.images(strip), rows = strips.rows(strip);
    Pace pace;
    Ahead ahead(strips.later(strip), {},
                dims.groups * blocks * passes.count() * images * rows * cut.tiles());
    for (int64_t b = 0; b < dims.groups * blocks; ++b) {
      const int64_t g = b / blocks, channel = b % blocks * tile.channels;
      const int64_t cols = std::min(tile.channels, ocg - channel);
      const int64_t oc = g * ocg + channel;
      for (int64_t pass = 0; pass < passes.count(); ++pass) {
        const ConvRuns pass_runs = passes.runs(pass, offsets);
        const float* const w = weights + b * block + passes.floats_before(pass) * tile.channels;
        const float* const start = bias == nullptr || pass > 0 ? nullptr : bias + oc;
        for (int64_t n = 0; n < images; ++n) {
          for (int64_t y = 0; y < rows; ++y) {
            const float* const from = input + n * strips.image_stride() +
                                      y * dims.stride_h * strips.row_stride() + g * icg;
            float* const to = out.data + n * out.image_stride + y * out.row_stride + oc;
            if (pace.stops(pass_runs.count * pass_runs.floats * dims.ow * cols)) return;
            for (int64_t t = 0; t < cut.tiles(); ++t) {
              ahead.fetch();
              const int64_t x = cut.x(t);
              tile.microkernel(pass_runs, from + x * dims.stride_w * dims.ic,
                               cut.together() * dims.stride_w * dims.ic, w, start,
                               to + x * out.pixel_stride, cut.together() * out.pixel_stride,
                               cut.vectors(t), cut.together() * cols, pass > 0);
            }
          }
        }
      }
    }
  });
}

}  // namespace cnnx
