// 1x1 convolutions are products of matrices. The pixels of all images are their rows, whatever
// image they belong to; those that a stride passes over are left out.
#include <algorithm>
#include <span>

#include "gemm/pack.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/conv_runs.hpp"
#include "ops/correlation.hpp"
#include "ops/partial_sums.hpp"
#include "ops/prepared_weights.hpp"
#include "ops/seen_pixels.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kShares = 16;  // enough to share out evenly

// The widest tile that the channels left fill, or the narrowest.
template <typename Tile, size_t Count>
const Tile& tile_for_rest(std::span<const Tile, Count> tiles, int64_t channels) {
  const Tile* best = &tiles.back();
  const int64_t whole = round_up(channels, best->channels);
  for (const Tile& tile : tiles) {
    if (tile.channels <= whole && tile.channels > best->channels) best = &tile;
  }
  return *best;
}

const ConvTile& product_tile(int64_t channels) {
  return tile_for_rest(std::span(kernels().conv).first<kOneStepTiles>(), channels);
}

const ConvWeightsTile& gradient_tile(int64_t channels) {
  return tile_for_rest(std::span(kernels().conv_weights).first<kOneRunTiles>(), channels);
}

// The outputs of a product (pixels, oc), cut into strips of pixels by parts of the channels.
class ProductCut {
 public:
  ProductCut(int64_t pixels, int64_t ic, int64_t oc)
      : pixels_(pixels),
        oc_(oc),
        vectors_(ceil_div(oc, lanes())),
        by_parts_(pixels < kShares * kFewPixels || ic * oc > kFewWeights) {
    strips_ = ceil_div(pixels, std::clamp(kStripFloats / ic, kFewPixels, kManyPixels));
    parts_ = ceil_div(oc, kPartChannels);
    if (pixels >= kShares * kFewPixels) {
      strips_ = round_up(strips_, kShares);
    } else {
      // Wide tiles want many channels, strips at least some pixels.
      const int64_t most_parts = std::max<int64_t>(vectors_ / kPartVectors, 1);
      parts_ = std::clamp<int64_t>(std::max(parts_, ceil_div(kShares, strips_)), 1, most_parts);
      const int64_t most_strips = std::max(strips_, ceil_div(pixels, kLeastPixels));
      strips_ = std::clamp(ceil_div(kShares, parts_), strips_, most_strips);
    }
  }

  struct Item {
    int64_t strip, begin, end;  // pixels
    int64_t channel, last;      // channels from the first to before the last
  };
  int64_t count() const { return strips_ * parts_; }
  Item operator[](int64_t i) const {
    const int64_t strip = by_parts_ ? i % strips_ : i / parts_;
    const int64_t part = by_parts_ ? i / strips_ : i % parts_;
    return {.strip = strip,
            .begin = pixels_ * strip / strips_,
            .end = pixels_ * (strip + 1) / strips_,
            .channel = channel(part),
            .last = channel(part + 1)};
  }
  // Whether a thread takes all strips that meet a part of the weights before the next part, as
  // weights are many or pixels few.
  bool by_parts() const { return by_parts_; }
  int64_t parts() const { return parts_; }
  int64_t channel(int64_t part) const { return std::min(vectors_ * part / parts_ * lanes(), oc_); }
  int64_t most_pixels() const { return ceil_div(pixels_, strips_); }
  int64_t most_channels() const { return ceil_div(vectors_, parts_) * lanes(); }

 private:
  static constexpr int64_t kStripFloats = 1 << 16;  // 256 KiB of src: half of a small L2
  static constexpr int64_t kFewWeights = 1 << 17;   // the same of weights
  static constexpr int64_t kLeastPixels = 24, kFewPixels = 96, kManyPixels = 256;
  static constexpr int64_t kPartChannels = 256, kPartVectors = 4;

  static int64_t lanes() { return product_tile(1).channels; }

  int64_t pixels_, oc_, vectors_;
  bool by_parts_;
  int64_t strips_, parts_;
};

// The weights (ic, oc), packed tile by tile. Each thread packs what it needs: most of what threads
// pack together would be in another core's cache.
class ProductWeights {
 public:
  ProductWeights(const ProductCut& cut, int64_t ic, int64_t oc, MatrixView weights)
      : cut_(cut), ic_(ic), oc_(oc), weights_(weights) {}

  // Scratch of a thread, or of all parts.
  int64_t scratch() const { return cut_.by_parts() ? ic_ * cut_.most_channels() : size(); }
  int64_t size() const { return ic_ * cut_.most_channels() * cut_.parts(); }

  void pack(float* packed) const {
    for (int64_t part = 0; part < cut_.parts(); ++part) {
      pack(cut_.channel(part), cut_.channel(part + 1), packed + ic_ * cut_.channel(part));
    }
  }
  // Channels of a part.
  void pack(int64_t channel, int64_t last, float* packed) const {
    constexpr int64_t kRows = 256;
    for (int64_t row = 0; row < ic_; row += kRows) {
      const int64_t rows = std::min(kRows, ic_ - row);
      for (int64_t c = channel; c < last;) {
        const int64_t channels = product_tile(last - c).channels;
        MatrixView view = weights_;
        view.data += row * view.row_stride + c * view.col_stride;
        pack_b(view, rows, std::min(channels, oc_ - c), channels,
               packed + (c - channel) * ic_ + row * channels);
        c += channels;
      }
    }
  }

 private:
  const ProductCut& cut_;
  int64_t ic_, oc_;
  MatrixView weights_;
};

// Where the pixels of a product go: rows x cols of images of h x w pixels, a stride apart. What
// lies between them is the bias alone.
struct ProductPixels {
  float* data;
  int64_t h, w, rows, cols, stride_h, stride_w;

  bool adjacent() const { return h == rows && w == cols; }
};

// Puts pixels [begin, end) of a product, `channels` of c from `channel` on, where they belong.
void spread(const float* product, int64_t begin, int64_t end, int64_t channel, int64_t channels,
            int64_t c, const float* bias, const Epilogue& epilogue, const ProductPixels& dst) {
  for (int64_t p = begin; p < end;) {
    const int64_t row = p / dst.cols, col = p % dst.cols, count = std::min(end - p, dst.cols - col);
    const int64_t y = row % dst.rows, last_col = col + count;
    const int64_t bottom = y + 1 == dst.rows ? dst.h : (y + 1) * dst.stride_h;
    const int64_t right = last_col == dst.cols ? dst.w : last_col * dst.stride_w;
    for (int64_t i = y * dst.stride_h; i < bottom; ++i) {
      for (int64_t x = col * dst.stride_w; x < right; ++x) {
        const int64_t first = ((row / dst.rows * dst.h + i) * dst.w + x) * c + channel;
        const int64_t seen = x / dst.stride_w;
        if (i == y * dst.stride_h && x == seen * dst.stride_w && seen < last_col) {
          std::copy_n(product + (seen - col) * channels, channels, dst.data + first);
        } else if (bias != nullptr) {
          std::copy_n(bias + channel, channels, dst.data + first);
        } else {
          std::fill_n(dst.data + first, channels, 0.0f);
        }
        if (!is_finished(epilogue)) finish(epilogue, channels, first, dst.data);
      }
    }
    product += count * channels;
    p += count;
  }
}

// Rows [begin, end) of what a register tile will be stored to.
void fetch_tile(const float* out, int64_t stride, int64_t begin, int64_t end, int64_t channels) {
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t c = 0; c < channels; c += kLineFloats) {
      __builtin_prefetch(out + row * stride + c, 1);
    }
  }
}

// dst (pixels, oc) = src (pixels, ic) times the weights (ic, oc), and what follows.
void multiply(const SeenPixels& src, int64_t oc, MatrixView weights, const float* bias,
              const Epilogue& epilogue, const ProductPixels& dst, PreparedWeights* prepared) {
  const int64_t ic = src.channels();
  const bool adjacent = dst.adjacent();
  const ProductCut cut(src.count(), ic, oc);
  const int64_t work = src.count() * ic * oc;
  const ProductWeights product_weights(cut, ic, oc, weights);
  const int64_t copy_size = src.scratch(cut.most_pixels());
  const int64_t apart = adjacent ? 0 : cut.most_pixels() * cut.most_channels();
  const int64_t packed_size = prepared == nullptr ? product_weights.scratch() : 0;
  const int threads = threads_for_work(cut.count(), work, kConvGrain);
  Scratchpad scratch(0, threads, packed_size + copy_size + apart);
  const float* const form =
      prepared == nullptr
          ? nullptr
          : weights_form(prepared, {&kernels().conv, cut.parts()}, product_weights.size(), scratch,
                         [&](float* memory) { product_weights.pack(memory); });

  // Outputs that are many times the inputs come from memory, and short sums leave no time to wait.
  const bool fetches = ic < 64 && oc >= 4 * ic;
  const int64_t offset = 0;
  const ConvRuns run{1, ic, &offset};
  parallel_for_pieces(
      threads, cut.count(), pieces_for(work, threads),
      [&](int64_t first_item, int64_t last_item, int thread) {
        float* const packed = scratch.of_thread(thread);
        float* const copy = packed + packed_size;
        if (form == nullptr && !cut.by_parts()) product_weights.pack(packed);
        const float* x = nullptr;
        int64_t strip = -1, channel = -1;  // whose pixels x are, and whose weights were packed
        for (int64_t i = first_item; i < last_item; ++i) {
          const ProductCut::Item item = cut[i];
          const int64_t pixels = item.end - item.begin, channels = item.last - item.channel;
          if (item.strip != strip) x = src.read(item.begin, item.end, copy), strip = item.strip;
          const float* w = form == nullptr ? packed : form;
          if (form != nullptr || !cut.by_parts()) {
            w += item.channel * ic;
          } else if (item.channel != channel) {
            product_weights.pack(item.channel, item.last, packed), channel = item.channel;
          }
          float* const out =
              adjacent ? dst.data + item.begin * oc + item.channel : copy + copy_size;
          const int64_t out_stride = adjacent ? oc : channels;

          const int64_t height = product_tile(channels).pixels, tiles = ceil_div(pixels, height);
          const bool goes_on = i + 1 < cut.count() && cut[i + 1].strip == strip + 1;
          Ahead ahead(goes_on ? src.later(cut[i + 1].begin, cut[i + 1].end) : Later{}, {},
                      tiles * ceil_div(channels, product_tile(channels).channels));
          for (int64_t c = item.channel; c < item.last;) {
            const ConvTile& tile = product_tile(item.last - c);
            const int64_t count = ceil_div(pixels, tile.pixels);
            for (int64_t t = 0; t < count; ++t) {
              ahead.fetch();
              const int64_t first = pixels * t / count, last = pixels * (t + 1) / count;
              if (fetches) {
                fetch_tile(out + c - item.channel, out_stride, last + tile.pixels,
                           std::min(last + 2 * tile.pixels, pixels), tile.channels);
              }
              tile.microkernel(run, x + first * ic, ic, w + (c - item.channel) * ic,
                               bias == nullptr ? nullptr : bias + c,
                               out + first * out_stride + c - item.channel, out_stride,
                               last - first, std::min(tile.channels, item.last - c), false);
            }
            c += tile.channels;
          }

          if (!adjacent) {
            spread(out, item.begin, item.end, item.channel, channels, oc, bias, epilogue, dst);
          } else if (channels == oc) {
            finish(epilogue, pixels * oc, item.begin * oc, dst.data);
          } else if (!is_finished(epilogue)) {
            for (int64_t p = item.begin; p < item.end; ++p) {
              finish(epilogue, channels, p * oc + item.channel, dst.data);
            }
          }
        }
      });
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
  int64_t scratch() const { return copy_size(taps_) + copy_size(vectors_); }

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
    const float* const x = taps_.read(begin, end, scratch);
    const float* const dy = vectors_.read(begin, end, scratch + copy_size(taps_));
    const int64_t group = by_taps() ? first : 0, last_group = by_taps() ? last : groups_;
    const int64_t block = by_taps() ? 0 : first, last_block = by_taps() ? blocks_ : last;
    Ahead ahead(later(taps_, strip), later(vectors_, strip),
                (last_group - group) * (last_block - block));
    const int64_t ldw = vectors_.channels(), pixels = end - begin;
    const int64_t row = pixels % kRow == 0 ? kRow : pixels;
    ConvRows rows = {.images = 1,
                     .count = pixels / row,
                     .pixels = row,
                     .src_image_stride = 0,
                     .src_row_stride = row * taps_.channels(),
                     .src_stride = taps_.channels(),
                     .dst_row_stride = row * ldw,
                     .dst_stride = ldw};
    for (int64_t panel = block; panel < last_block; panel += kPanel) {
      for (int64_t g = group; g < last_group; ++g) {
        const int64_t t = tap(g);
        const ConvTaps taps = {
            .taps = tap(g + 1) - t, .run_stride = 0, .run_taps = 0, .step_taps = 0};
        for (int64_t b = panel; b < std::min(panel + kPanel, last_block); ++b) {
          const int64_t v = vector(b), cols = vector(b + 1) - v;
          const auto [lines, few] = ahead.take();
          rows.ahead = lines, rows.ahead_lines = few;
          gradient_tile(cols).microkernel(rows, taps, x + t, dy + v, sums + t * ldw + v, ldw, cols);
        }
      }
    }
  }

 private:
  static constexpr int64_t kStripPixels = 512;  // so many that to load and store sums costs little
  static constexpr int64_t kRow = 32;   // pixels between which the micro-kernel fetches ahead
  static constexpr int64_t kPanel = 8;  // blocks whose channels stay in L2

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
  int64_t copy_size(const SeenPixels& pixels) const {
    return pixels.scratch(ceil_div(rows_, strips_) * kRow);
  }
  // What the strip after this one will read.
  Later later(const SeenPixels& pixels, int64_t strip) const {
    if (strip + 1 == strips_) return {nullptr, 0};
    return pixels.later(first_pixel(strip + 1), first_pixel(strip + 2));
  }

  SeenPixels taps_, vectors_;
  int64_t groups_, blocks_, rows_, strips_;
};

SeenPixels pixels_of_src(const Conv2dDims& d, Images src) {
  return {src, d.mb, d.ih, d.iw, d.ic, d.oh, d.ow, d.stride_h, d.stride_w};
}
SeenPixels pixels_of_dst(const Conv2dDims& d, Images dst) {
  return {dst, d.mb, d.oh, d.ow, d.oc, d.oh, d.ow, 1, 1};
}

}  // namespace

bool is_pointwise(const Conv2dDims& d) {
  constexpr int64_t kLeastChannels = 16;  // to fill a vector
  return d.kh == 1 && d.kw == 1 && d.groups == 1 && d.pad_top == 0 && d.pad_left == 0 &&
         std::min(d.ic, d.oc) >= kLeastChannels && !is_empty(d) && (d.oh - 1) * d.stride_h < d.ih &&
         (d.ow - 1) * d.stride_w < d.iw;
}

void pointwise_forward(const Conv2dDims& d, const float* src, const float* weights,
                       const float* bias, const Epilogue& epilogue, float* dst,
                       PreparedWeights* prepared) {
  multiply(pixels_of_src(d, {src}), d.oc, {weights, d.oc, 1}, bias, epilogue,
           {dst, d.oh, d.ow, d.oh, d.ow, 1, 1}, prepared);
}

void pointwise_backward_data(const Conv2dDims& d, Images diff_dst, const float* weights,
                             const float* bias, const Epilogue& epilogue, float* diff_src) {
  multiply(pixels_of_dst(d, diff_dst), d.ic, {weights, 1, d.oc}, bias, epilogue,
           {diff_src, d.ih, d.iw, d.oh, d.ow, d.stride_h, d.stride_w}, nullptr);
}

void pointwise_backward_weights(const Conv2dDims& d, const float* src, Images diff_dst,
                                float* diff_weights) {
  constexpr int64_t kMostSums = 1 << 17;
  const SeenPixels x = pixels_of_src(d, {src}), dy = pixels_of_dst(d, diff_dst);
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
    Interruption interruption;
    parallel_for(threads, gradient.parts(), [&](int64_t begin, int64_t end, int thread) {
      gradient.clear(begin, end, total);
      for (int64_t strip = 0; strip < gradient.strips(); ++strip) {
        if (strip > 0 && interruption.came()) return;
        gradient.add(strip, begin, end, scratch.of_thread(thread), total);
      }
    });
    interruption.rethrow();
  }
  if (transposes) kernels().transpose(d.oc, d.ic, total, d.ic, diff_weights, d.oc);
}

}  // namespace cnnx
