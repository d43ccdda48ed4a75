#include "ops/conv2d_direct.hpp"

#include <algorithm>
#include <array>

#include "kernels/kernel_table.hpp"
#include "ops/correlation.hpp"
#include "ops/depthwise_tiles.hpp"
#include "ops/pointwise.hpp"
#include "ops/prepared_weights.hpp"

namespace cnnx {
namespace {

bool is_depthwise(const Conv2dDims& d) { return d.groups == d.ic && d.ic == d.oc; }

// The same, or several outputs of each channel.
bool has_channels_apart(const Conv2dDims& d) {
  return d.groups == d.ic && (d.ic == d.oc || d.groups > 1);
}

// Whether the channels of src fill enough lanes, or those of adjacent pixels do, which pixels that
// are a stride apart cannot.
bool fills_vectors(const Conv2dDims& d) {
  const int64_t channels = d.ic / d.groups;
  if (d.stride_w > 1) return channels >= 12;
  if (channels == 0 || channels >= 4) return channels > 0;
  if (d.groups > 1 || d.dilation_w > 1) return false;
  // Pixels that share a vector multiply each other's taps by zeros. Patches of im2col have none,
  // but each of their taps is added up by itself, which takes as long as so many products.
  constexpr int64_t kProducts = 8;
  const int64_t together = kernels().conv[kOneStepTiles - 1].channels / channels;
  return d.oc * (d.kw + together - 1) <= kProducts * together * d.kw;
}

// With stride 1, the convolution whose input is diff_dst with the zeros of a spread.
Conv2dDims spread_dims(const Conv2dDims& d) {
  Conv2dDims back = backward_dims(d);
  back.stride_h = back.stride_w = 1;
  return back;
}

bool has_tiled_backward_data(const Conv2dDims& d, Images diff_dst) {
  return has_channels_apart(d) &&
         has_depthwise_tiles(spread_dims(d), diff_dst, {d.stride_h, d.stride_w});
}

// Whether a float of src is read often enough by the gradient of the weights to be packed: for
// several taps, of more channels than one vector holds.
bool is_worth_packing(const Conv2dDims& d) {
  return d.ic / d.groups >= 8 && 2 * (d.oc / d.groups) > kernels().conv_weights[0].channels &&
         d.kh * d.kw > d.stride_h * d.stride_w;
}

void correlate(const Conv2dDims& dims, Images src, const KernelTaps& taps, const float* bias,
               const Epilogue& epilogue, const OutputPixels& dst, PreparedWeights* prepared) {
  if (is_empty(dims)) return;
  if (is_depthwise(dims)) {
    depthwise_correlate(dims, src, taps, bias, epilogue, dst);
  } else {
    dense_correlate(dims, src, taps, bias, epilogue, dst, prepared);
  }
}

constexpr int64_t kWideChannels = 1024;

// Windows that lie side by side in their rows see each pixel once: to them, the pixels of a row of
// a window are the channels of a wide one.
Conv2dDims with_wide_pixels(Conv2dDims d) {
  const bool side_by_side = d.groups == 1 && !d.rotated && d.kw == d.stride_w &&
                            d.dilation_w == 1 && d.pad_left == 0 && d.iw == d.ow * d.kw &&
                            d.iw * d.ic <= d.ow * kWideChannels;
  if (side_by_side) {
    d.iw = d.ow, d.ic *= d.kw;
    d.kw = d.stride_w = 1;
  }
  return d;
}

// Whether the gradients of the rows of the kernel are those of 1x1 kernels, as windows do not
// overlap along the other axis either. That pays where they are too many to add up partial sums.
bool has_pointwise_rows(const Conv2dDims& d) {
  constexpr int64_t kFewWeights = 32768;
  Conv2dDims row = d;
  row.kh = 1;
  if (d.kh > 1 && d.kh * d.ic * d.oc <= kFewWeights) return false;
  return d.kh <= d.stride_h && is_pointwise(row) && (d.oh - 1) * d.stride_h + d.kh <= d.ih;
}

void backward_weights_by_rows(const Conv2dDims& d, const float* src, Images diff_dst,
                              float* diff_weights) {
  Conv2dDims row = d;
  row.kh = 1;
  for (int64_t y = 0; y < d.kh; ++y) {
    pointwise_backward_weights(row, {src + y * d.iw * d.ic}, diff_dst,
                               diff_weights + y * d.ic * d.oc);
  }
}

// One axis of the gradient of the input: pixels a stride apart, `first` on. They see every
// stride-th tap of the kernel, so that their gradients are a correlation of diff_dst.
struct Phase {
  int64_t first, pixels, taps, padding;
  TapOrder order;
};

// Of the pixels from `first` < stride on.
Phase phase_of(int64_t first, int64_t input, int64_t kernel, int64_t stride, int64_t padding,
               int64_t dilation) {
  const int64_t tap = (first + padding) % stride;  // and those a stride after it
  const int64_t taps = tap < kernel ? ceil_div(kernel - tap, stride) : 0;
  return {.first = first,
          .pixels = ceil_div(input - first, stride),
          .taps = taps,
          .padding = dilation * (taps - 1) - (first + padding - tap) / stride,
          .order = {tap + stride * (taps - 1), -stride}};
}

// Calls visit(dims, y, x): a correlation for every pair of phases.
template <typename Visit>
void for_each_phase(const Conv2dDims& d, Visit visit) {
  for (int64_t i = 0; i < std::min(d.stride_h, d.ih); ++i) {
    const Phase y = phase_of(i, d.ih, d.kh, d.stride_h, d.pad_top, d.dilation_h);
    for (int64_t j = 0; j < std::min(d.stride_w, d.iw); ++j) {
      const Phase x = phase_of(j, d.iw, d.kw, d.stride_w, d.pad_left, d.dilation_w);
      Conv2dDims back = d;
      back.ih = d.oh, back.iw = d.ow, back.ic = d.oc;
      back.oh = y.pixels, back.ow = x.pixels, back.oc = d.ic;
      back.kh = y.taps, back.kw = x.taps;
      back.pad_top = y.padding, back.pad_left = x.padding;
      back.stride_h = back.stride_w = 1;
      visit(back, y, x);
    }
  }
}

// The outputs of pixels that no tap sees.
void correlate_no_taps(const Conv2dDims& d, const float* bias, const Epilogue& epilogue,
                       const OutputPixels& dst) {
  const int64_t rows = d.mb * d.oh;
  parallel_for(threads_for_rows(rows, d.ow * d.oc), rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / d.oh * dst.image_stride + i % d.oh * dst.row_stride;
      for (int64_t x = 0; x < d.ow; ++x) {
        float* const pixel = dst.data + first + x * dst.pixel_stride;
        if (bias == nullptr) {
          std::fill_n(pixel, d.oc, 0.0f);
        } else {
          std::copy_n(bias, d.oc, pixel);
        }
      }
      if (!is_finished(epilogue)) finish_row(d, epilogue, dst, first);
    }
  });
}

}  // namespace

bool has_direct(const Conv2dDims& dims, Pooling pooling) {
  return Strips(dims, {}, rows_together(pooling)).fit();
}

void direct_forward(const Conv2dDims& narrow, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst,
                    PreparedWeights* prepared) {
  const Conv2dDims dims = with_wide_pixels(narrow);
  if (is_pointwise(dims) && epilogue.pool == Pooling::none) {
    pointwise_forward(dims, {src}, weights, bias, epilogue, dst, prepared);
    return;
  }
  const bool apart = is_depthwise(dims) || has_channels_apart(dims);
  if (apart)
    weights = scaled(prepared, weights, dims.kh * dims.kw * dims.ic / dims.groups * dims.oc);
  const KernelTaps taps(dims, weights, {0, 1}, {0, 1}, apart ? nullptr : scale_of(prepared));
  const OutputPixels out = {dst, dims.oh * dims.ow * dims.oc, dims.ow * dims.oc, dims.oc};
  if (has_channels_apart(dims) && has_depthwise_tiles(dims, {src}) && !is_empty(dims)) {
    tiled_depthwise_correlate(dims, {src}, {}, taps, bias, epilogue, out);
  } else {
    correlate(dims, {src}, taps, bias, epilogue, out, prepared);
  }
}

bool has_direct_backward_data(const Conv2dDims& dims) {
  const Conv2dDims d = with_wide_pixels(dims);
  if (is_pointwise(d)) return true;
  const bool apart = is_depthwise(d) || has_tiled_backward_data(d, {});
  if (!apart && !fills_vectors(d)) return false;
  if ((d.stride_h > 1 && d.dilation_h > 1) || (d.stride_w > 1 && d.dilation_w > 1)) return false;
  bool fit = true;
  for_each_phase(d, [&](const Conv2dDims& back, const Phase&, const Phase&) {
    fit = fit && (is_empty(back) || back.kh * back.kw == 0 || Strips(back, {}, 1).fit());
  });
  return fit;
}

void direct_backward_data(const Conv2dDims& narrow, Images diff_dst, const float* weights,
                          const float* bias, const Epilogue& epilogue, float* diff_src,
                          GradientSums* sums) {
  const Conv2dDims dims = with_wide_pixels(narrow);
  std::array<float, kWideChannels> wide_bias;
  if (bias != nullptr && dims.ic > narrow.ic) {
    for (int64_t i = 0; i < dims.ic; ++i) wide_bias[i] = bias[i % narrow.ic];
    bias = wide_bias.data();
  }
  if (is_pointwise(dims)) {
    pointwise_backward_data(dims, diff_dst, weights, bias, epilogue, diff_src, sums);
    return;
  }
  const int64_t row = dims.iw * dims.ic;
  if (has_tiled_backward_data(dims, diff_dst)) {
    const Conv2dDims back = spread_dims(dims);
    if (is_empty(back)) return;
    const KernelTaps taps(dims, weights, {dims.kh - 1, -1}, {dims.kw - 1, -1});
    tiled_depthwise_correlate(back, {diff_dst.data}, {dims.stride_h, dims.stride_w}, taps, bias,
                              epilogue, {diff_src, dims.ih * row, row, dims.ic}, sums);
    return;
  }
  for_each_phase(dims, [&](const Conv2dDims& back, const Phase& y, const Phase& x) {
    const int64_t first = y.first * row + x.first * dims.ic;
    const OutputPixels dst = {diff_src + first, dims.ih * row, dims.stride_h * row,
                              dims.stride_w * dims.ic};
    Epilogue of_phase = epilogue;
    if (epilogue.addend != nullptr) of_phase.addend += first;
    if (back.kh * back.kw == 0) {
      correlate_no_taps(back, bias, of_phase, dst);
    } else {
      const KernelTaps taps = KernelTaps(dims, weights, y.order, x.order).transposed();
      correlate(back, diff_dst, taps, bias, of_phase, dst, nullptr);
    }
  });
}

void direct_backward_weights(const Conv2dDims& narrow, const float* src, Images diff_dst,
                             float* diff_weights) {
  const Conv2dDims dims = with_wide_pixels(narrow);
  if (is_empty(dims)) {
    std::fill_n(diff_weights, dims.kh * dims.kw * dims.ic / dims.groups * dims.oc, 0.0f);
  } else if (has_channels_apart(dims) && has_depthwise_tiles(dims, diff_dst)) {
    tiled_depthwise_backward_weights(dims, {src}, diff_dst.data, diff_weights);
  } else {
    const auto backward = is_depthwise(dims)         ? depthwise_backward_weights
                          : has_pointwise_rows(dims) ? backward_weights_by_rows
                          : is_worth_packing(dims)   ? packed_backward_weights
                                                     : unpacked_backward_weights;
    backward(dims, src, diff_dst, diff_weights);
  }
}

}  // namespace cnnx
