// The gradient of the weights of 1x1 convolutions.
#include <algorithm>
#include <span>

#include "gemm/pack.hpp"
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
    return copy_size(taps_) + copy_size(vectors_) + packed_taps() + packed_vectors();
  }

  // The sums fall into parts along their longer side.
  int64_t parts() const { return by_taps() ? groups_ : blocks_; }
  // sums (taps, vectors) += the products of a strip, for parts [first, last); sums that start are
  // 0 before.
  void add(int64_t strip, int64_t first, int64_t last, float* scratch, float* sums,
           bool starts) const {
    const int64_t begin = first_pixel(strip), end = first_pixel(strip + 1);
    const int64_t pixels = end - begin, ldw = vectors_.channels();
    float* const copy = scratch + copy_size(taps_);
    float* const packed = copy + copy_size(vectors_);
    float* const panels = packed + packed_taps();
    const float* const x = taps_.read(begin, end, scratch);
    const float* const dy = vectors_.read(begin, end, copy);
    const int64_t group = by_taps() ? first : 0, last_group = by_taps() ? last : groups_;
    const int64_t block = by_taps() ? 0 : first, last_block = by_taps() ? blocks_ : last;
    // What is read often is packed: columns whose pixels lie side by side.
    const bool packs_taps = last_block - block >= kOften;
    const bool packs_vectors = last_group - group >= kOften;
    for (int64_t g = group; packs_taps && g < last_group; ++g) {
      const int64_t count = tap(g + 1) - tap(g);
      pack_b({x + tap(g), taps_.channels(), 1}, pixels, count, count,
             packed + (tap(g) - tap(group)) * pixels);
    }
    Ahead ahead(later(taps_, strip), later(vectors_, strip),
                (last_group - group) * (last_block - block));
    const int64_t row = pixels % kRow == 0 ? kRow : pixels;
    ConvRows rows{};
    rows.images = 1, rows.count = pixels / row, rows.pixels = row;
    for (int64_t panel = block; panel < last_block; panel += kPanel) {
      const int64_t end_block = std::min(panel + kPanel, last_block);
      for (int64_t b = panel; packs_vectors && b < end_block; ++b) {
        const int64_t v = vector(b), cols = vector(b + 1) - v;
        pack_b({dy + v, ldw, 1}, pixels, cols, gradient_tile(cols).channels,
               panels + (b - panel) * panel_size());
      }
      for (int64_t g = group; g < last_group; ++g) {
        const int64_t t = tap(g), count = tap(g + 1) - t;
        const float* const column = packs_taps ? packed + (t - tap(group)) * pixels : x + t;
        rows.src_stride = packs_taps ? count : taps_.channels();
        rows.src_row_stride = row * rows.src_stride;
        const ConvTaps taps = {.taps = count, .run_stride = 0, .run_taps = 0, .step_taps = 0};
        for (int64_t b = panel; b < end_block; ++b) {
          const int64_t v = vector(b), cols = vector(b + 1) - v;
          const ConvWeightsTile& tile = gradient_tile(cols);
          rows.dst_stride = packs_vectors ? tile.channels : ldw;
          rows.dst_row_stride = row * rows.dst_stride;
          const auto [lines, few] = ahead.take();
          rows.ahead = lines, rows.ahead_lines = few;
          float* const sum = sums + t * ldw + v;
          for (int64_t i = 0; starts && i < count; ++i) std::fill_n(sum + i * ldw, cols, 0.0f);
          tile.microkernel(rows, taps, column,
                           packs_vectors ? panels + (b - panel) * panel_size() : dy + v, sum, ldw,
                           cols);
        }
      }
    }
  }

 private:
  static constexpr int64_t kStripPixels = 512;  // so many that to load and store sums costs little
  static constexpr int64_t kRow = 32;   // pixels between which the micro-kernel fetches ahead
  static constexpr int64_t kPanel = 8;  // blocks whose channels stay in L2
  static constexpr int64_t kOften = 8;

  int64_t packed_taps() const { return blocks_ < kOften ? 0 : most_pixels() * taps_.channels(); }
  int64_t packed_vectors() const {
    return groups_ < kOften ? 0 : std::min(kPanel, blocks_) * panel_size();
  }
  int64_t panel_size() const { return most_pixels() * gradient_tile(vectors_.channels()).channels; }
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
  constexpr int64_t kTransposePixels = 32;  // take as long as to transpose the sums
  const SeenPixels x = pixels_of_src(d, src), dy = pixels_of_dst(d, diff_dst);
  // The transpose may fill the vectors better.
  const PointwiseGradient plain(x, dy), transposed(dy, x);
  const bool transposes =
      transposed.time() * (dy.count() + kTransposePixels) < plain.time() * dy.count();
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
    partial_sums.add(
        threads, scratch, total, [&](int64_t begin, int64_t end, float* sums, int thread) {
          for (int64_t strip = begin; strip < end; ++strip) {
            gradient.add(strip, 0, gradient.parts(), scratch.of_thread(thread), sums, false);
          }
        });
  } else {
    parallel_for(threads, gradient.parts(), [&](int64_t begin, int64_t end, int thread) {
      for (int64_t strip = 0; strip < gradient.strips(); ++strip) {
        if (strip > 0 && interrupted()) return;
        gradient.add(strip, begin, end, scratch.of_thread(thread), total, strip == 0);
      }
    });
  }
  if (transposes) kernels().transpose(d.oc, d.ic, total, d.ic, diff_weights, d.oc);
}

}  // namespace cnnx
