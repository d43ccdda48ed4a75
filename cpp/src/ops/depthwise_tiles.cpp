#include "ops/depthwise_tiles.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/normalized_pixels.hpp"
#include "ops/partial_sums.hpp"

namespace cnnx {
namespace {

// From this number of floats on, src and dst come from memory.
constexpr int64_t kFar = int64_t{1} << 22;
// Pixels a multiple of so many floats apart share a few places in L1.
constexpr int64_t kCrowded = 512;
// So many channels are copied at a time.
constexpr int64_t kGroup = 64;

bool is_crowded(int64_t channels) { return channels % kCrowded == 0; }

// Kernels: each has a channel of its own on one side, and on the other perhaps shares it with some.
int64_t kernels_of(const Conv2dDims& d) { return std::max(d.ic, d.oc); }

// Floats from one tap of all channels to the next, where they may be anywhere.
int64_t spaced(int64_t channels) { return channels + (is_crowded(channels) ? 16 : 0); }

// How far apart the rows of the taps lie, and the taps.
struct TapStrides {
  int64_t row, tap;
};

const DepthwiseRow* find_row(const Conv2dDims& d, Spread spread, int64_t offset) {
  for (const DepthwiseRow& row : kernels().depthwise.rows) {
    if (row.taps == d.kw && row.stride == d.stride_w && row.spread == spread.w &&
        row.offset == offset) {
      return &row;
    }
  }
  return nullptr;
}

// What an output row sees along the other axis: every spread-th row of taps from `taps` on meets a
// row of the image, from `first` on.
struct RowsSeen {
  int64_t taps, first, count;
};

// The channels of an image that tiles read: in place, or some of them copied.
struct Channels {
  const float* src;            // of pixel 0 of row 0, which a copy need not hold
  int64_t top;                 // the first row of a copy
  int64_t src_row, src_pixel;  // floats from one to the next
  int64_t first, count;
};

// A tile's first output and channel, the first input that it sees, and the first of its taps: so
// many floats after those of the channel.
struct Place {
  const float* src;
  int64_t taps, y, x, channel;
};

// The tiles of output rows, and what they see of the input and of the taps.
class Tiles {
 public:
  Tiles(const Conv2dDims& d, Images src, Spread spread, TapStrides taps)
      : d_(d),
        src_(src.data),
        normalization_(src.normalization),
        spread_(spread),
        taps_(taps),
        repeated_(d.oc / std::min(d.ic, d.oc)),
        folded_(d.ic / std::min(d.ic, d.oc)),
        in_groups_(is_crowded(d.ic) || repeated_ > 1 || folded_ > 1),
        copied_(is_crowded(d.ic) || repeated_ > 1 || normalization_ != nullptr),
        group_(in_groups_ ? whole_group(std::max(repeated_, folded_)) : kernels_of(d)) {
    for (int64_t offset = 0; offset < spread.w; ++offset) {
      rows_[offset] = find_row(d, spread, offset);
    }
  }

  // How many adjacent outputs of the kernels are added up, and how many such outputs lie between
  // two pixels of a tile: if there are several, a tile is made beside the image.
  int64_t folded() const { return folded_; }
  int64_t group() const { return group_; }

  // Floats for copies of the input of `rows` output rows of an image.
  int64_t scratch(int64_t rows) const {
    if (!copied_) return 0;
    const int64_t seen = ((rows - 1) * d_.stride_h + (d_.kh - 1) * d_.dilation_h) / spread_.h + 1;
    return Scratchpad::padded(std::min(seen + 1, d_.ih) * d_.iw * group_);
  }

  // How many tiles so many rows have.
  int64_t count(int64_t rows) const {
    return rows * ceil_div(d_.ow, kernels().depthwise.tile_pixels) *
           ceil_div(kernels_of(d_), group_);
  }

  // Calls visit(kernel, tile, place) for the tiles of some output rows of an image.
  template <typename Visit>
  void visit(int64_t image, int64_t first_row, int64_t rows, float* scratch, Visit visit) const {
    for (int64_t c = 0; c < kernels_of(d_); c += group_) {
      const Channels channels = this->channels(image, first_row, rows, c, scratch);
      int64_t made = channels.top;  // rows before this one are normalised
      for (int64_t y = first_row; y < first_row + rows; ++y) {
        if (normalization_ == nullptr) {
          visit_row(channels, y, visit);
          continue;
        }
        const int64_t end = std::max(made, end_of(rows_seen(y)));
        normalize(image, made, end, channels, scratch);
        made = end;
        Ahead ahead = after(image, end);
        visit_row(channels, y, [&](const auto&... tile) {
          ahead.fetch();
          visit(tile...);
        });
      }
    }
  }

 private:
  // A multiple of so many.
  static int64_t whole_group(int64_t multiple) {
    return std::max<int64_t>(kGroup / multiple, 1) * multiple;
  }

  int64_t end_of(const RowsSeen& seen) const {
    return seen.count == 0 ? 0 : seen.first + (seen.count - 1) * row_step() + 1;
  }
  int64_t row_step() const { return spread_.h > 1 ? 1 : d_.dilation_h; }

  RowsSeen rows_seen(int64_t y) const {
    const int64_t top = y * d_.stride_h - d_.pad_top;
    const int64_t skipped = (spread_.h - top % spread_.h) % spread_.h, step = row_step();
    const int64_t first = (top + skipped) / spread_.h;
    const int64_t count = ceil_div(std::max<int64_t>(d_.kh - skipped, 0), spread_.h);
    const int64_t begin = std::min(ceil_div(std::max<int64_t>(-first, 0), step), count);
    const int64_t end = std::min(ceil_div(std::max<int64_t>(d_.ih - first, 0), step), count);
    return {skipped + begin * spread_.h, first + begin * step, std::max<int64_t>(end - begin, 0)};
  }

  Channels channels(int64_t image, int64_t first_row, int64_t rows, int64_t c,
                    float* scratch) const {
    const float* const src = src_ + image * d_.ih * d_.iw * d_.ic + c / repeated_;
    const int64_t count = std::min(group_, kernels_of(d_) - c);
    if (!copied_) return {src, 0, d_.iw * d_.ic, d_.ic, c, count};
    // With a dilation, a row may see others than those around it.
    int64_t top = d_.ih, bottom = 0;
    for (int64_t y = first_row; y < first_row + rows; ++y) {
      const RowsSeen seen = rows_seen(y);
      if (seen.count == 0) continue;
      top = std::min(top, seen.first);
      bottom = std::max(bottom, end_of(seen));
    }
    top = std::min(top, bottom);
    const int64_t begin = top * d_.iw, end = bottom * d_.iw;
    for (int64_t i = begin; i < end && normalization_ == nullptr; ++i) {
      repeat(src + i * d_.ic, count, scratch + (i - begin) * count);
    }
    return {scratch - begin * count, top, d_.iw * count, count, c, count};
  }

  // Makes rows [first, end) of normalised channels.
  void normalize(int64_t image, int64_t first, int64_t end, const Channels& channels,
                 float* scratch) const {
    Normalization n = *normalization_;
    n.mean += channels.first, n.scale += channels.first, n.shift += channels.first;
    const float* const from = src_ + (image * d_.ih + first) * d_.iw * d_.ic + channels.first;
    float* const to = scratch + (first - channels.top) * channels.src_row;
    const int64_t pixels = (end - first) * d_.iw;
    if (channels.count == d_.ic) {
      normalize_pixels(n, pixels, d_.ic, from, to);
    } else {
      for (int64_t i = 0; i < pixels; ++i) {
        normalize_pixels(n, 1, channels.count, from + i * d_.ic, to + i * channels.count);
      }
    }
  }
  // What the tiles of a row of outputs are to fetch, which see the rows before `row`: those that
  // the next ones see for the first time.
  Ahead after(int64_t image, int64_t row) const {
    const int64_t first = image * d_.ih + row, end = std::min(first + d_.stride_h, d_.mb * d_.ih);
    const Later rows = {src_ + first * d_.iw * d_.ic, (end - first) * d_.iw * d_.ic};
    return {in_groups_ ? Later{} : rows, {}, ceil_div(d_.ow, kernels().depthwise.tile_pixels)};
  }

  // Each channel as often as there are kernels for it, until there are `count` floats.
  void repeat(const float* from, int64_t count, float* to) const {
    if (repeated_ == 1) {
      std::copy_n(from, count, to);
    } else if (repeated_ == 2) {
      for (int64_t i = 0; i < count / 2; ++i) to[2 * i] = to[2 * i + 1] = from[i];
    } else {
      for (int64_t i = 0; i < count; i += repeated_) std::fill_n(to + i, repeated_, *from++);
    }
  }

  template <typename Visit>
  void visit_row(const Channels& channels, int64_t y, Visit visit) const {
    const RowsSeen seen = rows_seen(y);
    const bool is_far = d_.mb * (d_.ih * d_.iw * d_.ic + d_.oh * d_.ow * d_.oc) >= kFar;
    DepthwiseTile tile = {
        .rows = seen.count,
        .begin = 0,
        .end = 0,
        .pixels = 0,
        .channels = channels.count,
        .src_row_stride = row_step() * channels.src_row,
        .src_stride = channels.src_pixel,
        .weights_row_stride = spread_.h * taps_.row,
        .weights_stride = taps_.tap,
        .dst_stride = folded_ > 1 ? channels.count : d_.oc,
        .rows_ahead =
            is_far && (!copied_ || normalization_ != nullptr) && folded_ == 1 ? d_.stride_h : 0,
        .src_ahead = d_.stride_h * channels.src_row,
        .dst_ahead = d_.ow * d_.oc};
    for (int64_t x = 0; x < d_.ow; x += kernels().depthwise.tile_pixels) {
      const int64_t left = x * d_.stride_w - d_.pad_left;
      const int64_t offset = (left % spread_.w + spread_.w) % spread_.w;
      const int64_t pixel = (left - offset) / spread_.w;
      tile.begin = -pixel;
      tile.end = d_.iw - pixel;
      tile.pixels = d_.ow - x;
      visit(*rows_[offset], tile,
            Place{channels.src + seen.first * channels.src_row + pixel * channels.src_pixel,
                  seen.taps * taps_.row, y, x, channels.first});
    }
  }

  Conv2dDims d_;
  const float* src_;
  const Normalization* normalization_;
  Spread spread_;
  TapStrides taps_;
  int64_t repeated_, folded_;
  bool in_groups_, copied_;
  int64_t group_;
  const DepthwiseRow* rows_[2];
};

// dst = bias, unless it is null, + the sums of `folded` adjacent channels of the tile's outputs.
void fold(const DepthwiseTile& tile, int64_t folded, const float* outputs, const float* bias,
          int64_t dst_stride, float* dst) {
  const int64_t pixels = std::min(tile.pixels, kernels().depthwise.tile_pixels);
  for (int64_t i = 0; i < pixels; ++i, outputs += tile.dst_stride, dst += dst_stride) {
    for (int64_t j = 0; j < tile.channels / folded; ++j) {
      float sum = bias == nullptr ? 0.0f : bias[j];
      for (int64_t k = 0; k < folded; ++k) sum += outputs[j * folded + k];
      dst[j] = sum;
    }
  }
}

}  // namespace

bool has_depthwise_tiles(const Conv2dDims& d, Images src, Spread spread) {
  if (src.codes != nullptr || d.dilation_w != 1) return false;
  const bool is_full = d.ic != d.oc || 2 * d.oc > kernels().depthwise.lanes;
  return is_full && find_row(d, spread, 0) != nullptr;
}

void tiled_depthwise_correlate(const Conv2dDims& dims, Images src, Spread spread,
                               const KernelTaps& taps, const float* bias, const Epilogue& epilogue,
                               const OutputPixels& dst, GradientSums* sums) {
  const Correlation correlation(dims, src, epilogue, Borders::in_place, kDepthwiseGrain);
  const Strips& strips = correlation.strips();
  const float* weights = taps.matrix(0, 0, 0).data;
  TapStrides strides = {dims.kh > 1 ? taps.matrix(1, 0, 0).data - weights : 0,
                        dims.kw > 1 ? taps.matrix(0, 1, 0).data - weights : 0};
  const int64_t channels = kernels_of(dims);
  const bool crowded = is_crowded(channels);
  if (crowded) strides = {dims.kw * spaced(channels), spaced(channels)};
  const Tiles tiles(dims, src, spread, strides);
  const int64_t copied = crowded ? dims.kh * strides.row : 0;
  const int64_t of_tile =
      tiles.folded() > 1 ? Scratchpad::padded(kernels().depthwise.tile_pixels * tiles.group()) : 0;
  const int64_t of_sums = sums == nullptr ? 0 : sums->scratch(strips.count());
  Scratchpad scratch(Scratchpad::padded(copied) + of_sums, correlation.threads(),
                     correlation.scratch() + of_tile + tiles.scratch(strips.most_rows()));
  if (crowded) {
    float* const copy = scratch.take(copied);
    for (int64_t t = 0; t < dims.kh * dims.kw; ++t) {
      std::copy_n(taps.matrix(t / dims.kw, t % dims.kw, 0).data, channels, copy + t * strides.tap);
    }
    weights = copy;
  }
  if (sums != nullptr) sums->begin(scratch, strips.count());
  correlation.run_in_place(scratch, dst, [&](int64_t strip, float* own, const OutputPixels& out) {
    const int64_t row = strips.first_row(strip);
    float* const apart = own + correlation.scratch();
    const int64_t rows = strips.images(strip) * strips.rows(strip);
    const int64_t first_pixel = (strips.first_image(strip) * dims.oh + row) * dims.ow;
    Ahead ahead(sums == nullptr ? Later{} : sums->later(first_pixel, rows * dims.ow), {},
                tiles.count(rows));
    for (int64_t n = 0; n < strips.images(strip); ++n) {
      float* const image = out.data + n * out.image_stride - row * out.row_stride;
      const auto make = [&](const DepthwiseRow& kernel, const DepthwiseTile& tile,
                            const Place& at) {
        ahead.fetch();
        float* const to = image + at.y * out.row_stride + at.x * dims.oc + at.channel;
        kernel.forward(tile, at.src, weights + at.taps + at.channel,
                       bias == nullptr ? nullptr : bias + at.channel, to);
      };
      const auto make_and_fold = [&](const DepthwiseRow& kernel, const DepthwiseTile& tile,
                                     const Place& at) {
        const int64_t channel = at.channel / tiles.folded();
        kernel.forward(tile, at.src, weights + at.taps + at.channel, nullptr, apart);
        fold(tile, tiles.folded(), apart, bias == nullptr ? nullptr : bias + channel, dims.oc,
             image + at.y * out.row_stride + at.x * dims.oc + channel);
      };
      const auto visit = [&](auto make_tile) {
        tiles.visit(strips.first_image(strip) + n, row, strips.rows(strip), apart + of_tile,
                    make_tile);
      };
      tiles.folded() > 1 ? visit(make_and_fold) : visit(make);
    }
    if (sums != nullptr) sums->add(strip, first_pixel, rows * dims.ow, dst.data);
  });
  if (sums != nullptr) sums->end();
}

bool has_depthwise_rows(const Conv2dDims& d) {
  return d.groups == d.ic && d.ic == d.oc && !is_crowded(d.ic) && !d.rotated &&
         has_depthwise_tiles(d, {});
}

void depthwise_rows(const Conv2dDims& d, const float* src, const float* weights, const float* bias,
                    const Epilogue& epilogue, int64_t first, float* dst) {
  const Tiles tiles(d, {src}, {}, {d.kw * d.oc, d.oc});
  const Clipping clipped = clipping(epilogue);
  tiles.visit(0, 0, d.oh, nullptr,
              [&](const DepthwiseRow& kernel, DepthwiseTile tile, const Place& at) {
                const int64_t pixel = first + (at.y * d.ow + at.x) * d.oc;
                tile.range = clipped.range;
                kernel.forward(tile, at.src, weights + at.taps, bias, dst + pixel);
                const int64_t pixels = std::min(tile.pixels, kernels().depthwise.tile_pixels);
                finish(clipped.rest, pixels * d.oc, pixel, dst);
              });
}

void tiled_depthwise_backward_weights(const Conv2dDims& dims, Images src, const float* diff_dst,
                                      float* diff_weights) {
  const Strips strips(dims, src, 1, Strips::kLeastStrips, Borders::in_place);
  const int64_t taps = dims.kh * dims.kw, tap = spaced(dims.oc), size = taps * tap;
  const PartialSums partial_sums(size, strips.count());
  const int threads = threads_for_work(
      partial_sums.parts(), dims.mb * dims.oh * dims.ow * dims.oc * taps, kDepthwiseGrain);
  const Tiles tiles(dims, src, {}, {dims.kw * tap, tap});
  Scratchpad scratch(Scratchpad::padded(size) + partial_sums.scratch(), threads,
                     tiles.scratch(strips.most_rows()));
  float* const total = scratch.take(size);
  const auto add_strip = [&](int64_t strip, float* own, float* sums) {
    for (int64_t n = 0; n < strips.images(strip); ++n) {
      const int64_t image = strips.first_image(strip) + n;
      const float* const dy = diff_dst + image * dims.oh * dims.ow * dims.oc;
      tiles.visit(image, strips.first_row(strip), strips.rows(strip), own,
                  [&](const DepthwiseRow& kernel, const DepthwiseTile& tile, const Place& at) {
                    kernel.backward_weights(tile, at.src,
                                            dy + (at.y * dims.ow + at.x) * dims.oc + at.channel,
                                            sums + at.taps + at.channel);
                  });
    }
  };
  partial_sums.add(threads, scratch, total,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     for (int64_t strip = begin; strip < end; ++strip) {
                       add_strip(strip, scratch.of_thread(thread), sums);
                     }
                   });
  for (int64_t t = 0; t < taps; ++t) {
    std::copy_n(total + t * tap, dims.oc, diff_weights + t * dims.oc);
  }
}

}  // namespace cnnx
