// The gradient of the weights where channels are many. Pixels of many channels lie so far apart
// that they would drive each other out of L1, so that a strip is packed first: src in groups of a
// few channels, diff_dst in the blocks of a register tile.
#include <algorithm>
#include <cstring>

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

constexpr int64_t kPieceFloats = 8192;  // 32 KiB of gradients, read again for every tap
// Partial sums do not pay for few strips, nor for so many gradients that they leave the cache.
constexpr int64_t kFewStrips = 8, kMostSums = 32768;

void copy_floats(int64_t n, const float* from, float* to) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) std::memcpy(to + i, from + i, 4 * sizeof(float));
  for (; i < n; ++i) to[i] = from[i];
}

// A few channels of pixels, side by side: four at a time of all pixels.
void pack_channels(int64_t pixels, int64_t channels, const float* src, int64_t src_stride,
                   float* packed) {
  for (int64_t c = 0; c < channels; c += 4) {
    const int64_t few = std::min<int64_t>(channels - c, 4);
    for (int64_t x = 0; x < pixels; ++x) {
      copy_floats(few, src + x * src_stride + c, packed + x * channels + c);
    }
  }
}

// A range cut into parts of nearly equal size.
struct Cut {
  Cut(int64_t size, int64_t most) : size(size), parts(ceil_div(size, most)) {}
  int64_t begin(int64_t part) const { return size * part / parts; }
  int64_t length(int64_t part) const { return begin(part + 1) - begin(part); }

  int64_t size, parts;
};

// The tile that takes the least time: one tap at a time, or all of a kernel row if there is a tile
// for their number and pixels share them. The pixels at both ends of a row see half of those.
const ConvWeightsTile& tile_for(const Conv2dDims& d) {
  const auto& tiles = kernels().conv_weights;
  const int64_t icg = d.ic / d.groups, ocg = d.oc / d.groups;
  const auto cost = [&](const ConvWeightsTile& t) {
    const int64_t wide = t.channels / tiles[kOneRunTiles - 1].channels;
    const int64_t parts = ceil_div(icg, t.taps), few = ceil_div(icg, parts);
    return ceil_div(ocg, t.channels) * parts * (d.kw / t.steps) * (2 * d.ow + t.steps - 1) *
           tile_time(few * t.steps * wide, few + wide);
  };
  const ConvWeightsTile* best = &tiles[0];
  for (const ConvWeightsTile& t : tiles) {
    const bool stepwise = t.steps == d.kw && t.steps <= d.ow && d.dilation_w == d.stride_w;
    if (t.runs == 1 && (t.steps == 1 || stepwise) && cost(t) < cost(*best)) best = &t;
  }
  return *best;
}

// Strips of src and diff_dst, packed: src in groups of channels, each (rows of input, place within
// the stride, pixels a stride apart, channels), diff_dst in blocks, each (rows of output, ow,
// channels). So the pixels that a tap sees lie side by side.
class PackedStrips {
 public:
  PackedStrips(const Conv2dDims& dims, const float* src, Images diff_dst)
      : d_(dims),
        icg_(dims.ic / dims.groups),
        ocg_(dims.oc / dims.groups),
        strips_(dims, {src}, 1, 1),
        phase_(ceil_div(strips_.width(), dims.stride_w)),
        width_(std::min(dims.stride_w, strips_.width()) * phase_),
        gradients_(dims, diff_dst, strips_),
        tile_(tile_for(dims)),
        blocks_(ocg_, tile_.channels),
        channels_(icg_, tile_.taps) {}

  int64_t count() const { return strips_.count(); }
  // Scratch for a row, and for a packed strip.
  int64_t row_scratch() const {
    return Scratchpad::padded(std::max(strips_.width() * d_.ic, d_.ow * d_.oc));
  }
  int64_t scratch() const {
    return packed_src() + Scratchpad::padded(strips_.most_rows() * d_.ow * d_.oc);
  }

  // Rows of a strip to pack: those of src, then those of diff_dst.
  int64_t rows(int64_t strip) const { return src_rows(strip) + dst_rows(strip); }
  void pack(int64_t strip, int64_t begin, int64_t end, float* row, float* packed) const {
    const int64_t inputs = src_rows(strip);
    for (int64_t i = begin; i < end; ++i) {
      if (i < inputs) {
        pack_src(strip, i, row, packed);
      } else {
        pack_dst(strip, i - inputs, row, packed + packed_src());
      }
    }
  }

  // The gradients fall into this many parts, of a group's block and a few of its channels each.
  int64_t parts() const { return d_.groups * blocks_.parts * channels_.parts; }
  // sums += the gradients of a packed strip, parts [begin, end).
  void add(int64_t strip, int64_t begin, int64_t end, const float* packed, float* sums) const {
    const int64_t images = strips_.images(strip), rows = strips_.rows(strip);
    const Pieces pieces(images, rows, kPieceFloats / (d_.ow * tile_.channels));
    const int64_t steps = pieces.count() * (end - begin) * d_.kh * d_.kw / tile_.steps;
    Ahead ahead(strips_.later(strip), gradients_.later(strip), steps);
    for (int64_t p = 0; p < pieces.count(); ++p) {
      const Piece piece = pieces[p];
      for (int64_t part = begin; part < end; ++part) {
        const int64_t g = part / (blocks_.parts * channels_.parts);
        const int64_t b = part / channels_.parts % blocks_.parts, i = part % channels_.parts;
        const int64_t o = g * ocg_ + b * tile_.channels;
        const int64_t cols = std::min(tile_.channels, (g + 1) * ocg_ - o);
        const int64_t c = channels_.begin(i), few = channels_.length(i);
        ConvRows window = {.images = piece.images,
                           .count = piece.rows,
                           .pixels = d_.ow,
                           .src_image_stride = strips_.input_rows(rows) * width_ * few,
                           .src_row_stride = d_.stride_h * width_ * few,
                           .src_stride = few,
                           .dst_row_stride = d_.ow * cols,
                           .dst_stride = cols};
        const ConvTaps taps = {.taps = few, .run_stride = 0, .run_taps = 0, .step_taps = icg_};
        const float* const x = packed + (g * icg_ + c) * src_rows(strip) * width_ +
                               piece.image * window.src_image_stride +
                               piece.row * window.src_row_stride;
        const float* const dy = packed + packed_src() + o * dst_rows(strip) * d_.ow +
                                (piece.image * rows + piece.row) * window.dst_row_stride;
        for (int64_t t = 0; t < d_.kh * d_.kw; t += tile_.steps) {
          const int64_t ky = t / d_.kw * d_.dilation_h, kx = t % d_.kw * d_.dilation_w;
          const int64_t pixel = ky * width_ + kx % d_.stride_w * phase_ + kx / d_.stride_w;
          const auto [lines, count] = ahead.take();
          window.ahead = lines, window.ahead_lines = count;
          tile_.microkernel(window, taps, x + pixel * few, dy, sums + (t * icg_ + c) * d_.oc + o,
                            d_.oc, cols);
        }
      }
    }
  }

 private:
  int64_t src_rows(int64_t strip) const {
    return strips_.images(strip) * strips_.input_rows(strips_.rows(strip));
  }
  int64_t dst_rows(int64_t strip) const { return strips_.images(strip) * strips_.rows(strip); }
  int64_t packed_src() const {
    const int64_t images = strips_.most_images();
    const int64_t rows = images * strips_.input_rows(strips_.most_rows() / images);
    return Scratchpad::padded(rows * width_ * d_.ic);
  }

  void pack_src(int64_t strip, int64_t y, float* row, float* packed) const {
    const int64_t seen = src_rows(strip) * width_;
    strips_.copy_input_row(strip, y, row);
    for (int64_t g = 0; g < d_.groups; ++g) {
      for (int64_t i = 0; i < channels_.parts; ++i) {
        const int64_t c = g * icg_ + channels_.begin(i), few = channels_.length(i);
        float* const out = packed + c * seen + y * width_ * few;
        for (int64_t first = 0; first < std::min(d_.stride_w, strips_.width()); ++first) {
          pack_channels(ceil_div(strips_.width() - first, d_.stride_w), few,
                        row + first * d_.ic + c, d_.stride_w * d_.ic, out + first * phase_ * few);
        }
      }
    }
  }

  void pack_dst(int64_t strip, int64_t y, float* row, float* packed) const {
    const int64_t made = dst_rows(strip) * d_.ow;
    const float* const gradient = gradients_.row(strip, y, row);
    for (int64_t g = 0; g < d_.groups; ++g) {
      for (int64_t b = 0; b < blocks_.parts; ++b) {
        const int64_t o = g * ocg_ + b * tile_.channels;
        const int64_t cols = std::min(tile_.channels, (g + 1) * ocg_ - o);
        float* const block = packed + o * made + y * d_.ow * cols;
        for (int64_t x = 0; x < d_.ow; ++x) {
          copy_floats(cols, gradient + x * d_.oc + o, block + x * cols);
        }
      }
    }
  }

  Conv2dDims d_;
  int64_t icg_, ocg_;
  Strips strips_;
  int64_t phase_, width_;  // pixels of a row at one place within the stride, and at all of them
  StripGradients gradients_;
  const ConvWeightsTile& tile_;
  Cut blocks_, channels_;
};

// All threads pack a strip together, then each adds its part of the gradients.
void add_together(const PackedStrips& strips, int threads, Scratchpad& scratch, int64_t size,
                  float* diff_weights) {
  float* const packed = scratch.take(strips.scratch());
  std::fill_n(diff_weights, size, 0.0f);
  for (int64_t strip = 0; strip < strips.count(); ++strip) {
    check_interruption();
    parallel_for(threads, strips.rows(strip), [&](int64_t begin, int64_t end, int thread) {
      strips.pack(strip, begin, end, scratch.of_thread(thread), packed);
    });
    parallel_for(threads, strips.parts(), [&](int64_t begin, int64_t end, int) {
      strips.add(strip, begin, end, packed, diff_weights);
    });
  }
}

}  // namespace

void packed_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                             float* diff_weights) {
  const PackedStrips strips(dims, src, diff_dst);
  const int64_t size = dims.kh * dims.kw * (dims.ic / dims.groups) * dims.oc;
  const int64_t work = dims.mb * dims.oh * dims.ow * size;
  if (strips.count() < kFewStrips || size > kMostSums) {
    const int threads = threads_for_work(strips.parts(), work, kConvGrain);
    Scratchpad scratch(strips.scratch(), threads, strips.row_scratch());
    add_together(strips, threads, scratch, size, diff_weights);
    return;
  }
  const PartialSums partial_sums(size, strips.count());
  const int threads = threads_for_work(partial_sums.parts(), work, kConvGrain);
  Scratchpad scratch(partial_sums.scratch(), threads, strips.row_scratch() + strips.scratch());
  partial_sums.add(threads, scratch, diff_weights,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     float* const row = scratch.of_thread(thread);
                     float* const packed = row + strips.row_scratch();
                     for (int64_t strip = begin; strip < end; ++strip) {
                       strips.pack(strip, 0, strips.rows(strip), row, packed);
                       strips.add(strip, 0, strips.parts(), packed, sums);
                     }
                   });
}

}  // namespace cnnx
