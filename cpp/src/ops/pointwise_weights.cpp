// The gradient of the weights of 1x1 convolutions.
#include <algorithm>
#include <span>

#include "kernels/kernel_table.hpp"
#include "ops/conv_runs.hpp"
#include "ops/correlation.hpp"
#include "ops/partial_sums.hpp"
#include "ops/pixel_product.hpp"
#include "ops/pointwise.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kShares = 16;  // enough to share out evenly

const ConvWeightsTile& gradient_tile(int64_t channels) {
  return tile_for_rest(std::span(kernels().conv_weights).first<kOneRunTiles>(), channels);
}

// The gradient of the weights: the sum over all pixels of the products of two matrices, strip by
// strip. Of one a register tile takes a few channels, the taps, of the other vectors.
class PointwiseGradient {
 public:
  PointwiseGradient(const SeenPixels& taps, const SeenPixels& vectors)
      : taps_(taps),
        vectors_(vectors),
        groups_(ceil_div(taps.channels(), most_taps())),
        blocks_(ceil_div(vectors.channels(), gradient_tile(vectors.channels()).channels)),
        rows_(ceil_div(taps.count(), kRow)),
        strips_(ceil_div(taps.count(), kStripPixels)) {
    if (strips_ > kShares) strips_ = round_up(strips_, kShares);
  }

  // The time of a pixel.
  int64_t time() const {
    const int64_t few = ceil_div(taps_.channels(), groups_), lanes = gradient_tile(1).channels;
    int64_t sum = 0;
    for (int64_t b = 0; b < blocks_; ++b) {
      const int64_t wide = gradient_tile(vector(b + 1) - vector(b)).channels / lanes;
      sum += groups_ * tile_time(few * wide, few + wide);
    }
    return sum;
  }
  int64_t size() const { return taps_.channels() * vectors_.channels(); }
  int64_t strips() const { return strips_; }
  int64_t scratch() const {
    return copy_size(taps_) + copy_size(vectors_) + spaced_size(taps_, taps_.channels()) +
           spaced_size(vectors_, panel_channels());
  }

  // The sums fall into parts along their longer side.
  int64_t parts() const { return by_taps() ? groups_ : blocks_; }
  void clear(int64_t first, int64_t last, float* sums) const {
    const int64_t ldw = vectors_.channels();
    if (by_taps()) {
      std::fill(sums + tap(first) * ldw, sums + tap(last) * ldw, 0.0f);
    } else {
      for (int64_t i = 0; i < taps_.channels(); ++i) {
        std::fill(sums + i * ldw + vector(first), sums + i * ldw + vector(last), 0.0f);
      }
    }
  }
  // sums (taps, vectors) += the products of a strip, for parts [first, last).
  void add(int64_t strip, int64_t first, int64_t last, float* scratch, float* sums) const {
    const int64_t begin = first_pixel(strip), end = first_pixel(strip + 1);
    const int64_t pixels = end - begin, ldw = vectors_.channels();
    float* const copy = scratch + copy_size(taps_);
    float* const spaced = copy + copy_size(vectors_);
    float* const panels = spaced + spaced_size(taps_, taps_.channels());
    Columns x = {taps_.read(begin, end, scratch), taps_.channels()};
    const Columns vectors = {vectors_.read(begin, end, copy), ldw};
    const int64_t group = by_taps() ? first : 0, last_group = by_taps() ? last : groups_;
    const int64_t block = by_taps() ? 0 : first, last_block = by_taps() ? blocks_ : last;
    if (is_crowded(taps_) && last_block - block >= kOften) {
      x = space_out(x, pixels, taps_.channels(), spaced);
    }
    Ahead ahead(later(taps_, strip), later(vectors_, strip),
                (last_group - group) * (last_block - block));
    const int64_t row = pixels % kRow == 0 ? kRow : pixels;
    ConvRows rows = {.images = 1,
                     .count = pixels / row,
                     .pixels = row,
                     .src_image_stride = 0,
                     .src_row_stride = row * x.stride,
                     .src_stride = x.stride,
                     .dst_row_stride = 0,  // with each panel
                     .dst_stride = 0};
    for (int64_t panel = block; panel < last_block; panel += kPanel) {
      const int64_t end_block = std::min(panel + kPanel, last_block);
      Columns dy = {vectors.data + vector(panel), ldw};
      if (is_crowded(vectors_) && last_group - group >= kOften) {
        dy = space_out(dy, pixels, vector(end_block) - vector(panel), panels);
      }
      rows.dst_row_stride = row * dy.stride, rows.dst_stride = dy.stride;
      for (int64_t g = group; g < last_group; ++g) {
        const int64_t t = tap(g);
        const ConvTaps taps = {
            .taps = tap(g + 1) - t, .run_stride = 0, .run_taps = 0, .step_taps = 0};
        for (int64_t b = panel; b < end_block; ++b) {
          const int64_t v = vector(b), cols = vector(b + 1) - v;
          const auto [lines, few] = ahead.take();
          rows.ahead = lines, rows.ahead_lines = few;
          gradient_tile(cols).microkernel(rows, taps, x.data + t, dy.data + v - vector(panel),
                                          sums + t * ldw + v, ldw, cols);
        }
      }
    }
  }

 private:
  static constexpr int64_t kStripPixels = 512;  // so many that to load and store sums costs little
  static constexpr int64_t kRow = 32;   // pixels between which the micro-kernel fetches ahead
  static constexpr int64_t kPanel = 8;  // blocks whose channels stay in L2
  static constexpr int64_t kOften = 8;

  // Channels of some pixels, `stride` floats apart.
  struct Columns {
    const float* data;
    int64_t stride;
  };

  // Pixels a multiple of so many floats apart share a few places in the caches. Where they are read
  // often enough, it pays to copy them a little further apart.
  static bool is_crowded(const SeenPixels& pixels) {
    constexpr int64_t kCrowded = 1024;
    return pixels.channels() % kCrowded == 0;
  }
  static Columns space_out(Columns columns, int64_t pixels, int64_t channels, float* copy) {
    const int64_t stride = spaced(channels);
    for (int64_t i = 0; i < pixels; ++i) {
      std::copy_n(columns.data + i * columns.stride, channels, copy + i * stride);
    }
    return {copy, stride};
  }
  static int64_t spaced(int64_t channels) {
    return round_up(channels, 2 * kLineFloats) + kLineFloats;
  }
  int64_t spaced_size(const SeenPixels& pixels, int64_t channels) const {
    return is_crowded(pixels) ? most_pixels() * spaced(channels) : 0;
  }
  int64_t panel_channels() const { return kPanel * gradient_tile(vectors_.channels()).channels; }
  int64_t most_pixels() const { return ceil_div(rows_, strips_) * kRow; }

  static int64_t most_taps() { return kernels().conv_weights[0].taps; }

  bool by_taps() const { return taps_.channels() > vectors_.channels(); }
  int64_t tap(int64_t group) const { return taps_.channels() * group / groups_; }
  int64_t vector(int64_t block) const {
    const int64_t wide = gradient_tile(vectors_.channels()).channels;
    return std::min(block * wide, vectors_.channels());
  }
  int64_t first_pixel(int64_t strip) const {
    return std::min(rows_ * strip / strips_ * kRow, taps_.count());
  }
  int64_t copy_size(const SeenPixels& pixels) const { return pixels.scratch(most_pixels()); }
  // What the strip after this one will read.
  Later later(const SeenPixels& pixels, int64_t strip) const {
    if (strip + 1 == strips_) return {nullptr, 0};
    return pixels.later(first_pixel(strip + 1), first_pixel(strip + 2));
  }

  SeenPixels taps_, vectors_;
  int64_t groups_, blocks_, rows_, strips_;
};

}  // namespace

void pointwise_backward_weights(const Conv2dDims& d, Images src, Images diff_dst,
                                float* diff_weights) {
  constexpr int64_t kMostSums = 1 << 17;
  const SeenPixels x = pixels_of_src(d, src), dy = pixels_of_dst(d, diff_dst);
  // The transpose may fill the vectors better.
  const PointwiseGradient plain(x, dy), transposed(dy, x);
  const bool transposes = transposed.time() < plain.time();
  const PointwiseGradient& gradient = transposes ? transposed : plain;
  // Strips have partial sums if they are many and the gradients few. Otherwise the threads share
  // out the gradients, and each adds up all strips.
  const int64_t size = d.ic * d.oc;
  const bool shares_pixels = gradient.strips() >= kShares && size <= kMostSums;
  const PartialSums partial_sums(size, shares_pixels ? gradient.strips() : 1);
  const int64_t work = dy.count() * size;
  const int threads =
      threads_for_work(shares_pixels ? partial_sums.parts() : gradient.parts(), work, kConvGrain);
  const int64_t untransposed = transposes ? Scratchpad::padded(size) : 0;
  Scratchpad scratch(untransposed + partial_sums.scratch(), threads, gradient.scratch());
  float* const total = transposes ? scratch.take(untransposed) : diff_weights;
  if (shares_pixels) {
    partial_sums.add(threads, scratch, total,
                     [&](int64_t begin, int64_t end, float* sums, int thread) {
                       for (int64_t strip = begin; strip < end; ++strip) {
                         gradient.add(strip, 0, gradient.parts(), scratch.of_thread(thread), sums);
                       }
                     });
  } else {
    parallel_for(threads, gradient.parts(), [&](int64_t begin, int64_t end, int thread) {
      gradient.clear(begin, end, total);
      for (int64_t strip = 0; strip < gradient.strips(); ++strip) {
        if (strip > 0 && interrupted()) return;
        gradient.add(strip, begin, end, scratch.of_thread(thread), total);
      }
    });
  }
  if (transposes) kernels().transpose(d.oc, d.ic, total, d.ic, diff_weights, d.oc);
}

}  // namespace cnnx
