#include <algorithm>

#include "gemm/pack.hpp"
#include "kernels/conv_table.hpp"
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
    const MatrixView view = taps.matrix(t / d.kw, t % d.kw, group);
    if (cut.together() == 1) {
      pack_b(view.from(0, first), icg, std::min(channels, ocg - first), channels,
             packed + t * icg * channels);
      continue;
    }
    for (int64_t pixel = 0; pixel < cut.together(); ++pixel) {
      const int64_t place = t / d.kw * runs.taps() + t % d.kw + pixel * d.stride_w;
      float* out = packed + place * icg * channels + pixel * ocg;
      for (int64_t c = 0; c < icg; ++c, out += channels) {
        for (int64_t o = 0; o < ocg; ++o) {
          const float weight = view.data[c * view.row_stride + o * view.col_stride];
          out[o] = view.scale == nullptr ? weight : weight * view.scale[o];
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

// The outputs of strips in register tiles.
class DenseTiles {
 public:
  DenseTiles(const Conv2dDims& d, const Strips& strips, const KernelTaps& taps, const float* bias,
             bool adjacent)
      : d_(d),
        strips_(strips),
        taps_(taps),
        bias_(bias),
        cut_(RowCut::best(d, adjacent)),
        runs_(d, strips.row_stride(), cut_.together()),
        passes_(runs_, pass_floats(runs_, cut_)),
        ocg_(d.oc / d.groups),
        blocks_(ceil_div(ocg_, cut_.tile().channels)),
        block_(runs_.count() * runs_.floats() * cut_.tile().channels) {}

  int64_t scratch(const PreparedWeights* prepared) const {
    return form_scratch(prepared, blocks() * block_) + biases() + passes_.scratch();
  }
  void prepare(Scratchpad& scratch, PreparedWeights* prepared) {
    weights_ = weights_form(prepared, {&cut_.tile(), cut_.together()}, blocks() * block_, scratch,
                            [&](float* memory) { pack_weights(d_, runs_, cut_, taps_, memory); });
    offsets_ = passes_.offsets(scratch);
    if (bias_ == nullptr || cut_.together() == 1) return;
    float* const repeated = scratch.take(biases());
    for (int64_t i = 0; i < cut_.together(); ++i) std::copy_n(bias_, ocg_, repeated + i * ocg_);
    bias_ = repeated;
  }

  // The channels of all groups, in blocks that fill a tile.
  int64_t blocks() const { return d_.groups * blocks_; }
  int64_t channel(int64_t block) const {
    return block / blocks_ * ocg_ + block % blocks_ * cut_.tile().channels;
  }
  int64_t channels(int64_t block) const {
    return std::min(cut_.tile().channels, ocg_ - block % blocks_ * cut_.tile().channels);
  }

  // Blocks [first, last) of a strip, whose first output is that of `out`. Weights that come from
  // far are fetched while those before them are used.
  void make(int64_t first, int64_t last, int64_t strip, const float* input, const OutputPixels& out,
            Where weights = Where::near) const {
    const ConvTile& tile = cut_.tile();
    const int64_t images = strips_.images(strip), rows = strips_.rows(strip);
    Pace pace;
    Ahead ahead(strips_.later(strip), {},
                (last - first) * passes_.count() * images * rows * cut_.tiles());
    for (int64_t b = first; b < last; ++b) {
      const int64_t cols = channels(b), oc = channel(b);
      const float* const image = input + b / blocks_ * (d_.ic / d_.groups);
      for (int64_t pass = 0; pass < passes_.count(); ++pass) {
        ConvRuns runs = passes_.runs(pass, offsets_);
        const float* const w = weights_ + b * block_ + passes_.floats_before(pass) * tile.channels;
        Later later = {};
        if (weights == Where::far) {
          const int64_t floats = runs.count * runs.floats * tile.channels;
          later = {w + floats, floats};
        }
        int64_t left = images * rows * cut_.tiles();
        const int64_t tiles =
            later.floats > 0 || !cut_.is_even() ? 1 : tiles_together(runs.count * runs.floats);
        const float* const start = bias_ == nullptr || pass > 0 ? nullptr : bias_ + oc;
        for (int64_t n = 0; n < images; ++n) {
          for (int64_t y = 0; y < rows; ++y) {
            const float* const from =
                image + n * strips_.image_stride() + y * d_.stride_h * strips_.row_stride();
            float* const to = out.data + n * out.image_stride + y * out.row_stride + oc;
            if (pace.stops(runs.count * runs.floats * d_.ow * cols)) return;
            for (int64_t t = 0; t < cut_.tiles();) {
              const int64_t x = cut_.x(t), stride = cut_.together() * d_.stride_w * d_.ic;
              fetch_share(runs, tile, stride, left--, later);
              int64_t vectors = 0;
              for (const int64_t end = std::min(t + tiles, cut_.tiles()); t < end; ++t) {
                ahead.fetch();
                vectors += cut_.vectors(t);
              }
              float* const made = to + x * out.pixel_stride;
              tile.microkernel(runs, from + x * d_.stride_w * d_.ic, stride, w, start, made,
                               cut_.together() * out.pixel_stride, vectors, cut_.together() * cols,
                               pass > 0 ? made : nullptr);
            }
          }
        }
      }
    }
  }

 private:
  int64_t biases() const { return Scratchpad::padded(cut_.tile().channels); }

  const Conv2dDims d_;
  const Strips& strips_;
  const KernelTaps& taps_;
  const float* bias_;
  RowCut cut_;
  Runs runs_;
  Passes passes_;
  int64_t ocg_, blocks_, block_;
  const float* weights_ = nullptr;
  const int64_t* offsets_ = nullptr;
};

// Whether threads share out the channels rather than the rows: where many weights meet few pixels,
// each thread then reads a part of the weights once, and all of the input.
bool shares_channels(const Conv2dDims& d, Pooling pool) {
  constexpr int64_t kManyWeights = 1 << 18, kFewInputs = 1 << 18;  // 1 MiB
  constexpr int64_t kLeastChannels = 256;                          // enough to share out
  const auto inputs = static_cast<double>(d.mb * (d.ih + d.pad_top) * (d.iw + d.pad_left) * d.ic);
  const int64_t weights = d.kh * d.kw * d.ic * d.oc;
  return pool == Pooling::none && d.groups == 1 && d.oc >= kLeastChannels &&
         weights >= kManyWeights &&
         inputs <= static_cast<double>(std::max(kFewInputs, weights / 2));
}

void correlate_by_channels(const Conv2dDims& d, Images src, const KernelTaps& taps,
                           const float* bias, const Epilogue& epilogue, const OutputPixels& dst,
                           PreparedWeights* prepared) {
  const Strips strips(d, src, 1, 1);
  DenseTiles tiles(d, strips, taps, bias, dst.pixel_stride == d.oc);
  const int64_t count = tiles.blocks() * strips.count();
  const int64_t work = d.mb * d.oh * d.ow * d.oc * d.kh * d.kw * d.ic;
  const int threads = threads_for_work(count, work, kConvGrain);
  Scratchpad scratch(tiles.scratch(prepared), threads, strips.count() * strips.scratch());
  tiles.prepare(scratch, prepared);
  parallel_for_pieces(
      threads, count, pieces_for(work, threads), [&](int64_t begin, int64_t end, int thread) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t strip = i % strips.count(), block = i / strips.count();
          float* const copy = scratch.of_thread(thread) + strip * strips.scratch();
          const bool is_copied = i >= begin + strips.count() && strips.scratch() > 0;
          OutputPixels out = dst;
          out.data += strips.first_image(strip) * dst.image_stride +
                      strips.first_row(strip) * dst.row_stride;
          tiles.make(block, block + 1, strip, is_copied ? copy : strips.input(strip, copy), out,
                     Where::far);
          if (is_finished(epilogue)) continue;
          for (int64_t n = 0; n < strips.images(strip); ++n) {
            for (int64_t y = 0; y < strips.rows(strip); ++y) {
              for (int64_t x = 0; x < d.ow; ++x) {
                const int64_t first = (strips.first_image(strip) + n) * dst.image_stride +
                                      (strips.first_row(strip) + y) * dst.row_stride +
                                      x * dst.pixel_stride;
                finish(epilogue, tiles.channels(block), first + tiles.channel(block), dst.data);
              }
            }
          }
        }
      });
}

}  // namespace

void dense_correlate(const Conv2dDims& dims, Images src, const KernelTaps& taps, const float* bias,
                     const Epilogue& epilogue, const OutputPixels& dst, PreparedWeights* prepared) {
  if (shares_channels(dims, epilogue.pool)) {
    correlate_by_channels(dims, src, taps, bias, epilogue, dst, prepared);
    return;
  }
  const int64_t parts = row_parts(dims, epilogue.pool == Pooling::none ? 1 : 2);
  const Conv2dDims d = with_row_parts(dims, parts);
  OutputPixels rows = dst;
  if (parts > 1) rows.row_stride = d.ow * dst.pixel_stride;
  const Correlation correlation(d, src, epilogue, Borders::copied, kConvGrain, parts);
  DenseTiles tiles(d, correlation.strips(), taps, bias, dst.pixel_stride == d.oc);
  Scratchpad scratch(tiles.scratch(prepared), correlation.threads(), correlation.scratch());
  tiles.prepare(scratch, prepared);
  correlation.run(scratch, rows, [&](int64_t strip, const float* input, const OutputPixels& out) {
    tiles.make(0, tiles.blocks(), strip, input, out);
  });
}

}  // namespace cnnx
