#include <algorithm>
#include <cstdint>

#include "kernels/kernel_table.hpp"
#include "ops/correlation.hpp"
#include "ops/partial_sums.hpp"
#include "ops/strip_gradients.hpp"

namespace cnnx {
namespace {

// Blocks of channels that fill a vector; or, if a vector holds all channels of several adjacent
// pixels of src and of dst, that many pixels, all vectors of a row holding the same.
struct Vectors {
  Vectors(const Conv2dDims& d, bool adjacent) : lanes(kernels().depthwise.lanes) {
    blocks = ceil_div(d.oc, lanes);
    if (adjacent && 2 * d.oc <= lanes) {
      pixels = ceil_div(d.ow, ceil_div(d.ow, lanes / d.oc));
    }
  }

  int64_t first(int64_t block) const { return block * lanes; }
  int64_t cols(const Conv2dDims& d, int64_t block) const {
    return std::min(pixels * d.oc - first(block), lanes);
  }

  int64_t lanes, blocks, pixels = 1;
};

DepthwiseTaps taps_of(const Conv2dDims& d, const Strips& strips) {
  return {.rows = d.kh,
          .count = d.kw,
          .row_stride = d.dilation_h * strips.row_stride(),
          .stride = d.dilation_w * d.ic};
}

// Rows, and vectors of a row, of one call of a kernel: all, but few where windows are so large that
// it would take long.
struct AtOnce {
  explicit AtOnce(const Conv2dDims& d) {
    constexpr int64_t kLargeWindow = int64_t{1} << 14, kLong = int64_t{1} << 22;
    const int64_t window = d.kh * d.kw;
    if (window >= kLargeWindow) rows = 1, vectors = std::max<int64_t>(kLong / window, 1);
  }

  int64_t rows = INT64_MAX, vectors = INT64_MAX;
};

// The same vectors, column by column if rows are so short that their few sums would wait for each
// other.
ConvRows in_long_runs(const ConvRows& rows) {
  constexpr int64_t kShort = 8;
  if (rows.pixels >= std::min(kShort, rows.count)) return rows;
  return {.images = rows.images,
          .count = rows.pixels,
          .pixels = rows.count,
          .src_image_stride = rows.src_image_stride,
          .src_row_stride = rows.src_stride,
          .src_stride = rows.src_row_stride,
          .dst_row_stride = rows.dst_stride,
          .dst_stride = rows.dst_row_stride};
}

// Calls body(part, row, vector) for the parts of `rows`, the first of which begins there, unless an
// interruption stops it.
template <typename Body>
void for_each_part(const Conv2dDims& d, ConvRows rows, Pace& pace, Body body) {
  const AtOnce at_once(d);
  const int64_t count = rows.count, vectors = rows.pixels;
  for (int64_t y = 0; y < count; y += rows.count) {
    rows.count = std::min(at_once.rows, count - y);
    for (int64_t v = 0; v < vectors; v += rows.pixels) {
      rows.pixels = std::min(at_once.vectors, vectors - v);
      if (pace.stops(rows.count * rows.pixels * d.kh * d.kw)) return;
      body(rows, y, v);
    }
  }
}

// Repeats one float a channel for every pixel of a vector.
void repeat(const Conv2dDims& d, const Vectors& vectors, int64_t block, const float* from,
            float* to) {
  const int64_t cols = vectors.cols(d, block), first = vectors.first(block);
  for (int64_t i = 0; i < cols; ++i) to[i] = from[(first + i) % d.oc];
  std::fill(to + cols, to + vectors.lanes, 0.0f);
}

}  // namespace

void depthwise_correlate(const Conv2dDims& dims, Images src, const KernelTaps& taps,
                         const float* bias, const Epilogue& epilogue, const OutputPixels& dst) {
  const Correlation correlation(dims, src, epilogue, Borders::copied, kConvGrain);
  const Strips& strips = correlation.strips();
  const Vectors vectors(dims, dims.stride_w == 1 && dst.pixel_stride == dims.oc);
  const int64_t block = dims.kh * dims.kw * vectors.lanes;
  Scratchpad scratch(vectors.blocks * (block + vectors.lanes), correlation.threads(),
                     correlation.scratch());
  float* const weights = scratch.take(vectors.blocks * (block + vectors.lanes));
  float* const biases = weights + vectors.blocks * block;
  for (int64_t b = 0; b < vectors.blocks; ++b) {
    for (int64_t t = 0; t < dims.kh * dims.kw; ++t) {
      const float* const tap = taps.matrix(t / dims.kw, t % dims.kw, 0).data;
      repeat(dims, vectors, b, tap, weights + b * block + t * vectors.lanes);
    }
    if (bias != nullptr) repeat(dims, vectors, b, bias, biases + b * vectors.lanes);
  }

  const DepthwiseTaps seen = taps_of(dims, strips);
  const int64_t whole = dims.ow / vectors.pixels, rest = dims.ow % vectors.pixels;
  correlation.run(scratch, dst, [&](int64_t strip, const float* input, const OutputPixels& out) {
    ConvRows rows = {.images = 1,
                     .count = strips.rows(strip),
                     .pixels = whole,
                     .src_image_stride = 0,
                     .src_row_stride = dims.stride_h * strips.row_stride(),
                     .src_stride = vectors.pixels * dims.stride_w * dims.ic,
                     .dst_row_stride = out.row_stride,
                     .dst_stride = vectors.pixels * out.pixel_stride};
    Pace pace;
    for (int64_t n = 0; n < strips.images(strip); ++n) {
      const float* const from = input + n * strips.image_stride();
      float* const to = out.data + n * out.image_stride;
      for (int64_t b = 0; b < vectors.blocks; ++b) {
        const int64_t c = vectors.first(b);
        const float* const start = bias == nullptr ? nullptr : biases + b * vectors.lanes;
        const auto make = [&](int64_t x, int64_t cols) {
          const ConvRows runs = in_long_runs(rows);
          for_each_part(dims, runs, pace, [&](const ConvRows& part, int64_t y, int64_t v) {
            kernels().depthwise.forward(
                part, seen,
                from + y * runs.src_row_stride + v * runs.src_stride + x * dims.stride_w * dims.ic +
                    c,
                weights + b * block, start,
                to + y * runs.dst_row_stride + v * runs.dst_stride + x * out.pixel_stride + c,
                cols);
          });
        };
        rows.pixels = whole;
        make(0, vectors.cols(dims, b));
        rows.pixels = 1;
        if (rest > 0) make(whole * vectors.pixels, rest * dims.oc);
      }
    }
  });
}

void depthwise_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                                float* diff_weights) {
  const Strips strips(dims, {src}, 1);
  const StripGradients gradients(dims, diff_dst, strips);
  const Vectors vectors(dims, dims.stride_w == 1);
  const int64_t taps = dims.kh * dims.kw, ldw = vectors.pixels * dims.oc, size = taps * ldw;
  const PartialSums partial_sums(size, strips.count());
  const int threads = threads_for_work(partial_sums.parts(),
                                       dims.mb * dims.oh * dims.ow * dims.oc * taps, kConvGrain);
  Scratchpad scratch(Scratchpad::padded(size) + partial_sums.scratch(), threads,
                     strips.scratch() + gradients.scratch());
  float* const total = scratch.take(size);

  const DepthwiseTaps seen = taps_of(dims, strips);
  const int64_t whole = dims.ow / vectors.pixels, rest = dims.ow % vectors.pixels;
  const auto add_strip = [&](int64_t strip, float* copy, float* sums) {
    const float* const input = strips.input(strip, copy);
    const float* const dy = gradients.of(strip, copy + strips.scratch());
    ConvRows rows = {.images = 1,
                     .count = strips.rows(strip),
                     .pixels = whole,
                     .src_image_stride = 0,
                     .src_row_stride = dims.stride_h * strips.row_stride(),
                     .src_stride = vectors.pixels * dims.stride_w * dims.ic,
                     .dst_row_stride = dims.ow * dims.oc,
                     .dst_stride = vectors.pixels * dims.oc};
    Pace pace;
    for (int64_t n = 0; n < strips.images(strip); ++n) {
      for (int64_t b = 0; b < vectors.blocks; ++b) {
        const int64_t c = vectors.first(b);
        const auto add = [&](int64_t x, int64_t cols) {
          for_each_part(dims, rows, pace, [&](const ConvRows& part, int64_t y, int64_t v) {
            kernels().depthwise.backward_weights(part, seen,
                                                 input + n * strips.image_stride() +
                                                     y * rows.src_row_stride + v * rows.src_stride +
                                                     x * dims.stride_w * dims.ic + c,
                                                 dy + (n * rows.count + y) * rows.dst_row_stride +
                                                     v * rows.dst_stride + x * dims.oc + c,
                                                 sums + c, ldw, cols);
          });
        };
        rows.pixels = whole;
        add(0, vectors.cols(dims, b));
        rows.pixels = 1;
        if (rest > 0) add(whole * vectors.pixels, rest * dims.oc);
      }
    }
  };
  partial_sums.add(threads, scratch, total,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     for (int64_t strip = begin; strip < end; ++strip) {
                       add_strip(strip, scratch.of_thread(thread), sums);
                     }
                   });
  std::fill_n(diff_weights, taps * dims.oc, 0.0f);
  for (int64_t i = 0; i < size; ++i) diff_weights[i / ldw * dims.oc + i % dims.oc] += total[i];
}

}  // namespace cnnx
