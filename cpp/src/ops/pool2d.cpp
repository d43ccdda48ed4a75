#include "cnnx/pool2d.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/image_rows.hpp"
#include "runtime/parallel.hpp"
#include "runtime/rounding.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

// What window i of an axis sees: `count` pixels from `first` on, by its taps from `tap` on.
struct Seen {
  int64_t first, count, tap;
};
Seen seen(int64_t i, int64_t input, int64_t output, int64_t k, int64_t stride, int64_t padding) {
  if (stride == 0) {
    const int64_t first = i * input / output;
    return {first, ceil_div((i + 1) * input, output) - first, 0};
  }
  const int64_t start = i * stride - padding, tap = std::max<int64_t>(0, -start);
  return {start + tap, std::min(k, input - start) - tap, tap};
}

// Calls body(window, src, dst), the offsets of its first pixel inside and of the output pixel, for
// the windows of output row y of image n, unless an interruption stops it.
template <typename Body>
void for_each_window(const Pool2dDims& d, int64_t n, int64_t y, Pace& pace, Body body) {
  const Seen rows = seen(y, d.ih, d.oh, d.kh, d.stride_h, d.pad_top);
  for (int64_t x = 0; x < d.ow; ++x) {
    const Seen cols = seen(x, d.iw, d.ow, d.kw, d.stride_w, d.pad_left);
    if (pace.stops(rows.count * cols.count * d.c)) return;
    const PoolWindow window = {.rows = rows.count,
                               .cols = cols.count,
                               .row_stride = d.iw * d.c,
                               .pixel_stride = d.c,
                               .position = static_cast<int32_t>(rows.tap * d.kw + cols.tap),
                               .row_positions = static_cast<int32_t>(d.kw)};
    body(window, ((n * d.ih + rows.first) * d.iw + cols.first) * d.c,
         ((n * d.oh + y) * d.ow + x) * d.c);
  }
}

// Forward: every output row by itself.
template <typename Body>
void gather(const Pool2dDims& d, Body body) {
  const int threads = threads_for_rows(d.mb * d.oh, d.ow * d.c * d.kh * d.kw);
  parallel_for(threads, d.mb * d.oh, [&](int64_t begin, int64_t end, int) {
    Pace pace;
    for (int64_t row = begin; row < end; ++row) {
      for_each_window(d, row / d.oh, row % d.oh, pace, body);
    }
  });
}

// Whether every pixel is in exactly one window.
bool tiles(const Pool2dDims& d) {
  const auto tiles_axis = [](int64_t input, int64_t output, int64_t k, int64_t stride,
                             int64_t padding) {
    return padding == 0 && output * k == input && (stride == k || output == 1);
  };
  return tiles_axis(d.ih, d.oh, d.kh, d.stride_h, d.pad_top) &&
         tiles_axis(d.iw, d.ow, d.kw, d.stride_w, d.pad_left);
}

// Backward: windows may overlap, so an image is one thread's, or of few images a block of channels.
// body(c, window, add, src, dst) sets or adds to c channels from offset src on.
template <typename Body>
void scatter(const Pool2dDims& d, float* diff_src, bool accumulate, Body body) {
  constexpr int64_t kFewImages = 16, kBlock = 64;
  const bool add = accumulate || !tiles(d);
  const int64_t blocks = d.mb < kFewImages ? ceil_div(d.c, kBlock) : 1;
  const int64_t block = blocks == 1 ? d.c : kBlock;
  const int threads = threads_for_rows(d.mb * blocks, d.oh * d.ow * block * d.kh * d.kw);
  parallel_for(threads, d.mb * blocks, [&](int64_t begin, int64_t end, int) {
    Pace pace;
    for (int64_t item = begin; item < end; ++item) {
      const int64_t n = item / blocks, first = item % blocks * block;
      const int64_t c = std::min(block, d.c - first);
      // Runs of zeros: the image if the block has all its channels, else its part of every pixel.
      const int64_t image = d.ih * d.iw * d.c, run = blocks == 1 ? image : c;
      const bool clear = add && !accumulate;
      for (int64_t pixel = 0; clear && pixel < image; pixel += blocks == 1 ? image : d.c) {
        std::fill_n(diff_src + n * image + pixel + first, run, 0.0f);
      }
      for (int64_t y = 0; y < d.oh; ++y) {
        for_each_window(d, n, y, pace, [&](const PoolWindow& window, int64_t src, int64_t dst) {
          body(c, window, add, src + first, dst + first);
        });
      }
    }
  });
}

// The 2x2 windows that other operations pool in their own pass have kernels of their own.
bool is_2x2(const Pool2dDims& d) {
  return d.kh == 2 && d.kw == 2 && d.stride_h == 2 && d.stride_w == 2 && d.pad_top == 0 &&
         d.pad_left == 0 && d.oh == d.ih / 2 && d.ow == d.iw / 2 && d.c > 0;
}

void forward_2x2(const Pool2dDims& d, const float* src, float* dst, uint8_t* codes) {
  const auto kernel = kernels().pool2x2.forward;
  const int64_t row = d.iw * d.c, pooled_row = d.ow * d.c;
  const int threads = threads_for_rows(d.mb * d.oh, 2 * row);
  parallel_for(threads, d.mb * d.oh, [=](int64_t begin, int64_t end, int) {
    for (int64_t y = begin; y < end; ++y) {
      const float* const above = src + (y / d.oh * d.ih + y % d.oh * 2) * row;
      kernel(d.ow, d.c, above, above + row, d.c, dst + y * pooled_row,
             codes == nullptr ? nullptr : codes + y * pooled_row, d.c, {});
    }
  });
}

void backward_2x2(const Pool2dDims& d, Images diff_dst, float* diff_src, bool accumulate) {
  const ImageRows gradient(diff_dst, d.ih, d.iw, d.c);
  const auto add = kernels().merging.add;
  const int64_t row = d.iw * d.c;
  const int threads = threads_for_rows(d.mb * d.ih, row);
  const Scratchpad scratch(0, threads, accumulate ? row : 0);
  parallel_for(threads, d.mb * d.ih, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t y = begin; y < end; ++y) {
      float* const sum = diff_src + y * row;
      float* const part = accumulate ? scratch.of_thread(thread) : sum;
      gradient.copy(y / d.ih, y % d.ih, 0, d.iw, part);
      if (accumulate) add(row, sum, part, sum);
    }
  });
}

template <typename Position>
void max_forward(const MaxPoolKernels<Position>& kernels, const Pool2dDims& d, const float* src,
                 float* dst, Position* argmax) {
  gather(d, [=, kernel = kernels.forward](const PoolWindow& window, int64_t from, int64_t to) {
    kernel(d.c, window, src + from, dst + to, argmax == nullptr ? nullptr : argmax + to);
  });
}

template <typename Position>
void max_backward(const MaxPoolKernels<Position>& kernels, const Pool2dDims& dims,
                  const float* diff_dst, const Position* argmax, float* diff_src, bool accumulate) {
  scatter(dims, diff_src, accumulate,
          [=, kernel = kernels.backward](int64_t c, const PoolWindow& window, bool add, int64_t to,
                                         int64_t from) {
            kernel(c, window, add, diff_dst + from, argmax + from, diff_src + to);
          });
}

// What a window's sum is divided by.
float one(const PoolWindow&) { return 1.0f; }
float pixels_inside(const PoolWindow& window) {
  return static_cast<float>(window.rows * window.cols);
}

template <typename Divisor>
void sum_forward(const Pool2dDims& dims, const float* src, float* dst, Divisor divisor) {
  const auto kernel = kernels().pool.sum_forward;
  gather(dims, [=, c = dims.c](const PoolWindow& window, int64_t from, int64_t to) {
    kernel(c, window, divisor(window), src + from, dst + to);
  });
}

template <typename Divisor>
void sum_backward(const Pool2dDims& dims, const float* diff_dst, float* diff_src, Divisor divisor) {
  const auto kernel = kernels().pool.sum_backward;
  scatter(dims, diff_src, false,
          [=](int64_t c, const PoolWindow& window, bool add, int64_t to, int64_t from) {
            kernel(c, window, add, divisor(window), diff_dst + from, diff_src + to);
          });
}

}  // namespace

void max_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst, uint8_t* argmax) {
  if (is_2x2(dims)) {
    forward_2x2(dims, src, dst, argmax);
  } else {
    max_forward(kernels().pool.bytes, dims, src, dst, argmax);
  }
}
void max_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst, int32_t* argmax) {
  max_forward(kernels().pool.words, dims, src, dst, argmax);
}

void max_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, const uint8_t* argmax,
                         float* diff_src, bool accumulate) {
  if (is_2x2(dims)) {
    backward_2x2(dims, {diff_dst, argmax}, diff_src, accumulate);
  } else {
    max_backward(kernels().pool.bytes, dims, diff_dst, argmax, diff_src, accumulate);
  }
}
void max_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, const int32_t* argmax,
                         float* diff_src, bool accumulate) {
  max_backward(kernels().pool.words, dims, diff_dst, argmax, diff_src, accumulate);
}

void avg_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst) {
  sum_forward(dims, src, dst, pixels_inside);
}
void avg_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, float* diff_src) {
  sum_backward(dims, diff_dst, diff_src, pixels_inside);
}

void sum_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst) {
  sum_forward(dims, src, dst, one);
}
void sum_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, float* diff_src) {
  sum_backward(dims, diff_dst, diff_src, one);
}

}  // namespace cnnx
