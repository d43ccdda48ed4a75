#include "ops/conv2d_direct.hpp"

#include <algorithm>

#include "gemm/pack.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/activation.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/image_rows.hpp"
#include "ops/partial_sums.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kStripFloats = int64_t{1} << 16;  // 256 KiB of input rows: half of a small L2
constexpr double kMostCopied = 1 << 22;             // floats of the input rows of one output row
constexpr int64_t kStrips = 32;                     // enough to share out evenly
constexpr int64_t kGrain = int64_t{1} << 20;        // multiply-adds worth a thread

// The image cut into strips of output rows, each with the input rows that it needs.
class Strips {
 public:
  // Strips have a multiple of `together` rows.
  Strips(const Conv2dDims& dims, DiffDst src, int64_t together)
      : d_(dims),
        src_(src, d_.ih, d_.iw, d_.ic),
        width_((d_.ow - 1) * d_.stride_w + (d_.kw - 1) * d_.dilation_w + 1),
        copied_(d_.pad_top > 0 || d_.pad_left > 0 || width_ > d_.iw || input_rows(d_.oh) > d_.ih ||
                !src_.in_memory()) {
    const int64_t fitting = kStripFloats / std::max<int64_t>(width_ * d_.ic * d_.stride_h, 1);
    rows_ = std::min({fitting, d_.oh, ceil_div(d_.mb * d_.oh, kStrips)});
    rows_ = std::max(rows_ / together * together, together);
  }

  // Whether a thread's copy stays small: a wide dilation spreads even one row's input far.
  bool fit() const {
    return !copied_ || static_cast<double>(input_rows(1)) * static_cast<double>(width_) *
                               static_cast<double>(d_.ic) <=
                           kMostCopied;
  }
  int64_t count() const { return d_.mb * per_image(); }
  int64_t most_rows() const { return rows_; }
  int64_t first_row(int64_t strip) const { return strip % per_image() * rows_; }
  int64_t rows(int64_t strip) const { return std::min(rows_, d_.oh - first_row(strip)); }
  int64_t image(int64_t strip) const { return strip / per_image(); }
  // Floats from one row of input to the next.
  int64_t row_stride() const { return (copied_ ? width_ : d_.iw) * d_.ic; }
  int64_t scratch() const {
    return copied_ ? Scratchpad::padded(input_rows(rows_) * width_ * d_.ic) : 0;
  }

  // The input of a strip: where it lies, or its padded rows copied to `copy`.
  const float* input(int64_t strip, float* copy) const {
    const int64_t top = first_row(strip) * d_.stride_h - d_.pad_top;
    if (!copied_) return src_.at(image(strip), top, 0);
    float* out = copy;
    for (int64_t y = top; y < top + input_rows(rows(strip)); ++y, out += width_ * d_.ic) {
      src_.copy(image(strip), y, -d_.pad_left, width_, out);
    }
    return copy;
  }

 private:
  int64_t per_image() const { return ceil_div(d_.oh, rows_); }
  int64_t input_rows(int64_t rows) const {
    return (rows - 1) * d_.stride_h + (d_.kh - 1) * d_.dilation_h + 1;
  }

  const Conv2dDims& d_;
  ImageRows src_;
  int64_t width_;
  bool copied_;
  int64_t rows_;
};

// What one output pixel sees of a strip. The taps of a kernel row lie side by side unless dilation
// or groups part them.
class Runs {
 public:
  Runs(const Conv2dDims& d, int64_t row_stride)
      : dims_(d), row_stride_(row_stride), side_by_side_(d.groups == 1 && d.dilation_w == 1) {}

  int64_t count() const { return side_by_side_ ? dims_.kh : dims_.kh * dims_.kw; }
  int64_t floats() const { return dims_.ic / dims_.groups * (side_by_side_ ? dims_.kw : 1); }
  int64_t offset(int64_t run) const {
    if (side_by_side_) return run * dims_.dilation_h * row_stride_;
    return run / dims_.kw * dims_.dilation_h * row_stride_ +
           run % dims_.kw * dims_.dilation_w * dims_.ic;
  }

  // A table of the offsets, and the scratch that it takes.
  int64_t scratch() const { return Scratchpad::padded(2 * count()); }
  ConvRuns table(Scratchpad& scratchpad) const {
    auto* const offsets = reinterpret_cast<int64_t*>(scratchpad.take(scratch()));
    for (int64_t run = 0; run < count(); ++run) offsets[run] = offset(run);
    return {count(), floats(), offsets};
  }

 private:
  const Conv2dDims& dims_;
  int64_t row_stride_;
  bool side_by_side_;
};

// tap(t, g) is the matrix (ic, oc) / groups of tap t of the kernel.
template <typename Tap>
void correlate(const Conv2dDims& dims, DiffDst src, Tap tap, const float* bias,
               const Epilogue& epilogue, float* dst) {
  if (is_empty(dims)) return;
  const int64_t together = epilogue.pool ? 2 : 1;
  const Strips strips(dims, src, together);
  const Runs runs(dims, strips.row_stride());
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  const int64_t taps = dims.kh * dims.kw, k = taps * icg;
  const ConvTile& tile = tile_for(kernels().conv, ocg);
  const int64_t blocks = ceil_div(ocg, tile.channels);
  const int64_t block = k * tile.channels;  // packed weights of one block of channels
  const int64_t packed = Scratchpad::padded(dims.groups * blocks * block);
  // Pixels that are pooled wait in scratch, one block of channels of two rows.
  const int64_t waiting_row = dims.ow * tile.channels;
  const int64_t waiting = epilogue.pool ? Scratchpad::padded(2 * waiting_row) : 0;
  const int64_t work = std::max<int64_t>(dims.oh * dims.ow * k * dims.oc * dims.mb, 1);
  const int threads = threads_for(strips.count(), kGrain * strips.count() / work);

  Scratchpad scratch(packed + runs.scratch() + (strips.scratch() + waiting) * threads);
  float* const weights = scratch.take(packed);
  const ConvRuns table = runs.table(scratch);
  float* const copies = scratch.take((strips.scratch() + waiting) * threads);
  for (int64_t b = 0; b < dims.groups * blocks; ++b) {
    const int64_t first = b % blocks * tile.channels;
    for (int64_t t = 0; t < taps; ++t) {
      MatrixView view = tap(t, b / blocks);
      view.data += first * view.col_stride;
      pack_b(view, icg, std::min(tile.channels, ocg - first), tile.channels,
             weights + b * block + t * icg * tile.channels);
    }
  }

  const int64_t tiles = ceil_div(dims.ow, tile.pixels);
  const int64_t dst_row = dims.ow / together * dims.oc;
  const auto activate = activation_kernel(epilogue.activation).forward;
  parallel_for(threads, strips.count(), [&](int64_t begin, int64_t end, int thread) {
    float* const copy = copies + thread * (strips.scratch() + waiting);
    float* const pair = copy + strips.scratch();
    for (int64_t strip = begin; strip < end; ++strip) {
      const float* const input = strips.input(strip, copy);
      const int64_t first_row = strips.image(strip) * dims.oh + strips.first_row(strip);
      const int64_t first = first_row / together * dst_row;
      for (int64_t b = 0; b < dims.groups * blocks; ++b) {
        const int64_t g = b / blocks, channel = b % blocks * tile.channels;
        const int64_t cols = std::min(tile.channels, ocg - channel);
        const int64_t oc = g * ocg + channel;
        for (int64_t y = 0; y < strips.rows(strip); ++y) {
          const float* const row = input + y * dims.stride_h * strips.row_stride() + g * icg;
          float* const to = dst + first + y / together * dst_row + oc;
          float* const out = epilogue.pool ? pair + y % 2 * waiting_row : to;
          const int64_t out_stride = epilogue.pool ? tile.channels : dims.oc;
          for (int64_t t = 0; t < tiles; ++t) {
            const int64_t x = dims.ow * t / tiles, pixels = dims.ow * (t + 1) / tiles - x;
            tile.microkernel(table, row + x * dims.stride_w * dims.ic, dims.stride_w * dims.ic,
                             weights + b * block, bias == nullptr ? nullptr : bias + oc,
                             out + x * out_stride, out_stride, pixels, cols);
          }
          if (epilogue.pool && y % 2 == 1) {
            uint8_t* const codes =
                epilogue.codes == nullptr ? nullptr : epilogue.codes + (to - dst);
            kernels().pool2x2.forward(dims.ow / 2, cols, pair, pair + waiting_row, tile.channels,
                                      to, codes, dims.oc);
          }
        }
      }
      if (epilogue.activation != Activation::linear) {
        activate(strips.rows(strip) / together * dst_row, dst + first, dst + first);
      }
    }
  });
}

}  // namespace

bool has_direct(const Conv2dDims& dims) { return Strips(dims, {}, 1).fit(); }

void direct_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst) {
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  correlate(
      dims, {src},
      [&](int64_t tap, int64_t group) {
        const int64_t t = dims.rotated ? dims.kh * dims.kw - 1 - tap : tap;
        return MatrixView{weights + t * icg * dims.oc + group * ocg, dims.oc, 1};
      },
      bias, epilogue, dst);
}

bool has_direct_backward_data(const Conv2dDims& d) {
  constexpr int64_t kLeastChannels = 4;
  const Conv2dDims back = backward_dims(d);
  return d.ic >= kLeastChannels && d.stride_h == 1 && d.stride_w == 1 && back.pad_top >= 0 &&
         back.pad_left >= 0 && Strips(back, {}, 1).fit();
}

void direct_backward_data(const Conv2dDims& dims, DiffDst diff_dst, const float* weights,
                          float* diff_src) {
  const Conv2dDims back = backward_dims(dims);
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  correlate(
      back, diff_dst,
      [&](int64_t tap, int64_t group) {
        const int64_t t = dims.rotated ? tap : dims.kh * dims.kw - 1 - tap;
        return MatrixView{weights + t * icg * dims.oc + group * ocg, 1, dims.oc};
      },
      nullptr, {}, diff_src);
}

void direct_backward_weights(const Conv2dDims& dims, const float* src, DiffDst diff_dst,
                             float* diff_weights) {
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  const int64_t size = dims.kh * dims.kw * icg * dims.oc;
  if (is_empty(dims)) {
    std::fill_n(diff_weights, size, 0.0f);
    return;
  }
  const Strips strips(dims, {src}, 1);
  const ImageRows gradient(diff_dst, dims.oh, dims.ow, dims.oc);
  const Runs runs(dims, strips.row_stride());
  const ConvWeightsTile& tile = tile_for(kernels().conv_weights, ocg);
  const PartialSums partial_sums(size, strips.count());
  const int64_t work = std::max<int64_t>(dims.mb * dims.oh * dims.ow * size, 1);
  const int threads = threads_for(partial_sums.parts(), kGrain * partial_sums.parts() / work);

  const int64_t gradient_row = dims.ow * dims.oc;
  const int64_t unpooled =
      gradient.in_memory() ? 0 : Scratchpad::padded(strips.most_rows() * gradient_row);
  Scratchpad scratch(partial_sums.scratch() + (strips.scratch() + unpooled) * threads);
  float* const copies = scratch.take((strips.scratch() + unpooled) * threads);
  const auto add_strip = [&](int64_t strip, float* copy, float* sums) {
    const float* const input = strips.input(strip, copy);
    const int64_t image = strips.image(strip), first_row = strips.first_row(strip);
    const float* dy_rows = copy + strips.scratch();
    if (gradient.in_memory()) {
      dy_rows = gradient.at(image, first_row, 0);
    } else {
      for (int64_t y = 0; y < strips.rows(strip); ++y) {
        float* const row = copy + strips.scratch() + y * gradient_row;
        gradient.copy(image, first_row + y, 0, dims.ow, row);
      }
    }
    const ConvRows rows = {.count = strips.rows(strip),
                           .pixels = dims.ow,
                           .src_row_stride = dims.stride_h * strips.row_stride(),
                           .src_stride = dims.stride_w * dims.ic,
                           .dst_row_stride = gradient_row,
                           .dst_stride = dims.oc};
    for (int64_t g = 0; g < dims.groups; ++g) {
      const float* const dy = dy_rows + g * ocg;
      for (int64_t run = 0; run < runs.count(); ++run) {
        for (int64_t j = 0; j < runs.floats(); j += tile.taps) {
          for (int64_t c = 0; c < ocg; c += tile.channels) {
            tile.microkernel(rows, input + runs.offset(run) + g * icg + j, dy + c,
                             sums + (run * runs.floats() + j) * dims.oc + g * ocg + c, dims.oc,
                             std::min(tile.taps, runs.floats() - j),
                             std::min(tile.channels, ocg - c));
          }
        }
      }
    }
  };
  partial_sums.add(threads, scratch, diff_weights,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     float* const copy = copies + thread * (strips.scratch() + unpooled);
                     for (int64_t strip = begin; strip < end; ++strip) add_strip(strip, copy, sums);
                   });
}

}  // namespace cnnx
