// 1x1 convolutions are products of matrices. The pixels of all images are their rows, whatever
// image they belong to; those that a stride passes over are left out.
#include "ops/pointwise.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/correlation.hpp"
#include "ops/pixel_product.hpp"
#include "ops/prepared_weights.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kShares = 16;  // enough to share out evenly

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
  // Of the next part's weights, if it is met before an item, what item i is to fetch.
  Later weights_ahead(int64_t i, int64_t last, int64_t ic, const float* form) const {
    const int64_t next = i / strips_ + 1;
    if (!by_parts_ || next >= parts_ || next * strips_ >= last) return {};
    const int64_t floats = ceil_div(ic * (channel(next + 1) - channel(next)), strips_);
    return {form + ic * channel(next) + i % strips_ * floats, floats};
  }
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
    pack_product(weights_, ic_, oc_, channel, last, packed);
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

// dst (pixels, oc) = src (pixels, ic) times the weights (ic, oc), and what follows.
void multiply(const SeenPixels& src, int64_t oc, MatrixView weights, const float* bias,
              const Epilogue& epilogue, const ProductPixels& dst, PreparedWeights* prepared,
              GradientSums* sums = nullptr) {
  const int64_t ic = src.channels();
  const bool adjacent = dst.adjacent();
  const Clipping clipped = adjacent ? clipping(after_addition(epilogue)) : Clipping{{}, epilogue};
  const float* const addend = adjacent ? epilogue.addend : nullptr;
  const ProductCut cut(src.count(), ic, oc);
  const int64_t work = src.count() * ic * oc;
  const ProductWeights product_weights(cut, ic, oc, weights);
  const int64_t copy_size = src.scratch(cut.most_pixels());
  const int64_t apart = adjacent ? 0 : cut.most_pixels() * cut.most_channels();
  const int64_t packed_size = prepared == nullptr ? product_weights.scratch() : 0;
  const int threads = threads_for_work(cut.count(), work, kConvGrain);
  const bool adds_strips = sums != nullptr && adjacent && cut.parts() == 1;
  Scratchpad scratch(adds_strips ? sums->scratch(cut.count()) : 0, threads,
                     packed_size + copy_size + apart);
  if (adds_strips) sums->begin(scratch, cut.count());
  const float* const form =
      prepared == nullptr
          ? nullptr
          : weights_form(prepared, {&kernels().conv, cut.parts()}, product_weights.size(), scratch,
                         [&](float* memory) { product_weights.pack(memory); });

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
          const int64_t place = item.begin * oc + item.channel;
          float* const out = adjacent ? dst.data + place : copy + copy_size;
          const int64_t out_stride = adjacent ? oc : channels;

          const PixelProduct product(ic, channels, w,
                                     bias == nullptr ? nullptr : bias + item.channel, clipped.range,
                                     Where::far);
          const bool goes_on = i + 1 < cut.count() && cut[i + 1].strip == strip + 1;
          const Ahead ahead(adds_strips ? sums->later(item.begin, pixels) : Later{},
                            goes_on ? src.later(cut[i + 1].begin, cut[i + 1].end) : Later{},
                            product.tiles(pixels));
          product.multiply(
              pixels, x, out, out_stride, addend == nullptr ? nullptr : addend + place, ahead,
              form == nullptr ? Later{} : cut.weights_ahead(i, last_item, ic, form),
              [&](int64_t begin, int64_t end) {
                if (!adjacent) {
                  spread(out + begin * out_stride, item.begin + begin, item.begin + end,
                         item.channel, channels, oc, bias, clipped.rest, dst);
                } else if (channels == oc) {
                  finish(clipped.rest, (end - begin) * oc, (item.begin + begin) * oc, dst.data);
                } else if (!is_finished(clipped.rest)) {
                  for (int64_t p = item.begin + begin; p < item.begin + end; ++p) {
                    finish(clipped.rest, channels, p * oc + item.channel, dst.data);
                  }
                }
              });
          if (adds_strips) sums->add(item.strip, item.begin, pixels, dst.data);
        }
      });
  if (adds_strips) sums->end();
}

}  // namespace

bool is_pointwise(const Conv2dDims& d) {
  constexpr int64_t kLeastChannels = 16;  // to fill a vector
  return d.kh == 1 && d.kw == 1 && d.groups == 1 && d.pad_top == 0 && d.pad_left == 0 &&
         std::min(d.ic, d.oc) >= kLeastChannels && !is_empty(d) && (d.oh - 1) * d.stride_h < d.ih &&
         (d.ow - 1) * d.stride_w < d.iw;
}

void pointwise_forward(const Conv2dDims& d, Images src, const float* weights, const float* bias,
                       const Epilogue& epilogue, float* dst, PreparedWeights* prepared) {
  multiply(pixels_of_src(d, src), d.oc, {weights, d.oc, 1, scale_of(prepared)}, bias, epilogue,
           {dst, d.oh, d.ow, d.oh, d.ow, 1, 1}, prepared);
}

void pointwise_backward_data(const Conv2dDims& d, Images diff_dst, const float* weights,
                             const float* bias, const Epilogue& epilogue, float* diff_src,
                             GradientSums* sums) {
  multiply(pixels_of_dst(d, diff_dst), d.ic, {weights, 1, d.oc}, bias, epilogue,
           {diff_src, d.ih, d.iw, d.oh, d.ow, d.stride_h, d.stride_w}, nullptr, sums);
}

}  // namespace cnnx
