#include "ops/depthwise_tiles.hpp"

#include <algorithm>

#include "ops/partial_sums.hpp"

namespace cnnx {
namespace {

// From this number of floats on, src and dst come from memory.
constexpr int64_t kFar = int64_t{1} << 22;
// Pixels a multiple of so many floats apart share a few places in L1. Copied, they lie side by
// side, so many channels at a time.
constexpr int64_t kCrowded = 512, kGroup = 64;

bool is_crowded(int64_t channels) { return channels % kCrowded == 0; }

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
  Tiles(const Conv2dDims& d, const float* src, Spread spread, TapStrides taps)
      : d_(d), src_(src), spread_(spread), taps_(taps) {
    for (int64_t offset = 0; offset < spread.w; ++offset) {
      rows_[offset] = find_row(d, spread, offset);
    }
  }

  // Floats for copies of the input of `rows` output rows of an image.
  int64_t scratch(int64_t rows) const {
    if (!is_crowded(d_.ic)) return 0;
    const int64_t seen = ((rows - 1) * d_.stride_h + (d_.kh - 1) * d_.dilation_h) / spread_.h + 1;
    return Scratchpad::padded(std::min(seen + 1, d_.ih) * d_.iw * kGroup);
  }

  // Calls visit(kernel, tile, place) for the tiles of some output rows of an image.
  template <typename Visit>
  void visit(int64_t image, int64_t first_row, int64_t rows, float* scratch, Visit visit) const {
    const int64_t step = is_crowded(d_.ic) ? kGroup : d_.oc;
    for (int64_t c = 0; c < d_.oc; c += step) {
      const Channels channels = this->channels(image, first_row, rows, c, scratch);
      for (int64_t y = first_row; y < first_row + rows; ++y) {
        visit_row(channels, y, visit);
      }
    }
  }

 private:
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
    const float* const src = src_ + image * d_.ih * d_.iw * d_.ic + c;
    if (!is_crowded(d_.ic)) return {src, d_.iw * d_.ic, d_.ic, c, d_.oc};
    const RowsSeen top = rows_seen(first_row), bottom = rows_seen(first_row + rows - 1);
    const int64_t begin = std::clamp<int64_t>(top.first, 0, d_.ih) * d_.iw;
    const int64_t last = bottom.first + std::max<int64_t>(bottom.count - 1, 0) * row_step();
    const int64_t end = std::clamp<int64_t>(last + 1, 0, d_.ih) * d_.iw;
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(src + i * d_.ic, kGroup, scratch + (i - begin) * kGroup);
    }
    return {scratch - begin * kGroup, d_.iw * kGroup, kGroup, c, kGroup};
  }

  template <typename Visit>
  void visit_row(const Channels& channels, int64_t y, Visit visit) const {
    const RowsSeen seen = rows_seen(y);
    const bool is_far = d_.mb * (d_.ih * d_.iw + d_.oh * d_.ow) * d_.oc >= kFar;
    DepthwiseTile tile = {.rows = seen.count,
                          .begin = 0,
                          .end = 0,
                          .pixels = 0,
                          .channels = channels.count,
                          .src_row_stride = row_step() * channels.src_row,
                          .src_stride = channels.src_pixel,
                          .weights_row_stride = spread_.h * taps_.row,
                          .weights_stride = taps_.tap,
                          .dst_stride = d_.oc,
                          .rows_ahead = is_far && !is_crowded(d_.ic) ? d_.stride_h : 0,
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
  Spread spread_;
  TapStrides taps_;
  const DepthwiseRow* rows_[2];
};

}  // namespace

bool has_depthwise_tiles(const Conv2dDims& d, Images src, Spread spread) {
  return src.codes == nullptr && 2 * d.oc > kernels().depthwise.lanes && d.dilation_w == 1 &&
         find_row(d, spread, 0) != nullptr;
}

void tiled_depthwise_correlate(const Conv2dDims& dims, const float* src, Spread spread,
                               const KernelTaps& taps, const float* bias, const Epilogue& epilogue,
                               const OutputPixels& dst) {
  const Correlation correlation(dims, {src}, epilogue, Borders::in_place, kDepthwiseGrain);
  const Strips& strips = correlation.strips();
  const float* weights = taps.matrix(0, 0, 0).data;
  TapStrides strides = {dims.kh > 1 ? taps.matrix(1, 0, 0).data - weights : 0,
                        dims.kw > 1 ? taps.matrix(0, 1, 0).data - weights : 0};
  const bool crowded = is_crowded(dims.oc);
  if (crowded) strides = {dims.kw * spaced(dims.oc), spaced(dims.oc)};
  const Tiles tiles(dims, src, spread, strides);
  const int64_t copied = crowded ? dims.kh * strides.row : 0;
  Scratchpad scratch(copied, correlation.threads(),
                     correlation.scratch() + tiles.scratch(strips.most_rows()));
  if (crowded) {
    float* const copy = scratch.take(copied);
    for (int64_t t = 0; t < dims.kh * dims.kw; ++t) {
      std::copy_n(taps.matrix(t / dims.kw, t % dims.kw, 0).data, dims.oc, copy + t * strides.tap);
    }
    weights = copy;
  }
  correlation.run_in_place(scratch, dst, [&](int64_t strip, float* own, const OutputPixels& out) {
    const int64_t row = strips.first_row(strip);
    for (int64_t n = 0; n < strips.images(strip); ++n) {
      float* const to = out.data + n * out.image_stride - row * out.row_stride;
      tiles.visit(strips.first_image(strip) + n, row, strips.rows(strip),
                  own + correlation.scratch(),
                  [&](const DepthwiseRow& kernel, const DepthwiseTile& tile, const Place& at) {
                    kernel.forward(tile, at.src, weights + at.taps + at.channel,
                                   bias == nullptr ? nullptr : bias + at.channel,
                                   to + at.y * out.row_stride + at.x * dims.oc + at.channel);
                  });
    }
  });
}

void tiled_depthwise_backward_weights(const Conv2dDims& dims, const float* src,
                                      const float* diff_dst, float* diff_weights) {
  const Strips strips(dims, {src}, 1, Strips::kLeastStrips, Borders::in_place);
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
