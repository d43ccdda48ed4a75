#include "cnnx/pool2d.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

// The taps [begin, end) of a window of k taps from `start` on that lie in [0, extent).
struct Taps {
  Taps(int64_t start, int64_t k, int64_t extent)
      : begin(std::max<int64_t>(0, -start)), end(std::min(k, extent - start)) {}
  int64_t begin, end;
};

// Calls body(window, src, dst), the offsets of its first pixel inside and of the output pixel, for
// the windows of output row y of image n.
template <typename Body>
void for_each_window(const Pool2dDims& d, int64_t n, int64_t y, Body body) {
  const int64_t top = y * d.stride_h - d.pad_top;
  const Taps rows(top, d.kh, d.ih);
  for (int64_t x = 0; x < d.ow; ++x) {
    const int64_t left = x * d.stride_w - d.pad_left;
    const Taps cols(left, d.kw, d.iw);
    const PoolWindow window = {.rows = rows.end - rows.begin,
                               .cols = cols.end - cols.begin,
                               .row_stride = d.iw * d.c,
                               .pixel_stride = d.c,
                               .position = static_cast<int32_t>(rows.begin * d.kw + cols.begin),
                               .row_positions = static_cast<int32_t>(d.kw)};
    body(window, ((n * d.ih + top + rows.begin) * d.iw + left + cols.begin) * d.c,
         ((n * d.oh + y) * d.ow + x) * d.c);
  }
}

// Forward: every output row by itself.
template <typename Body>
void gather(const Pool2dDims& d, Body body) {
  const int threads = threads_for_rows(d.mb * d.oh, d.ow * d.c * d.kh * d.kw);
  parallel_for(threads, d.mb * d.oh, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) for_each_window(d, row / d.oh, row % d.oh, body);
  });
}

// Backward: windows overlap, so a block of channels of an image is one thread's.
// body(c, window, src, dst) adds to c channels from offset src on.
template <typename Body>
void scatter(const Pool2dDims& d, float* diff_src, Body body) {
  constexpr int64_t kBlock = 64;
  const int64_t blocks = (d.c + kBlock - 1) / kBlock;
  const int threads =
      threads_for_rows(d.mb * blocks, d.oh * d.ow * std::min(d.c, kBlock) * d.kh * d.kw);
  parallel_for(threads, d.mb * blocks, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t n = item / blocks, first = item % blocks * kBlock;
      const int64_t c = std::min(kBlock, d.c - first);
      // Runs of zeros: the image if the block has all its channels, else its part of every pixel.
      const int64_t image = d.ih * d.iw * d.c, run = blocks == 1 ? image : c;
      for (int64_t pixel = 0; pixel < image; pixel += blocks == 1 ? image : d.c) {
        std::fill_n(diff_src + n * image + pixel + first, run, 0.0f);
      }
      for (int64_t y = 0; y < d.oh; ++y) {
        for_each_window(d, n, y, [&](const PoolWindow& window, int64_t src, int64_t dst) {
          body(c, window, src + first, dst + first);
        });
      }
    }
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
  scatter(dims, diff_src, [=](int64_t c, const PoolWindow& window, int64_t to, int64_t from) {
    kernel(c, window, divisor(window), diff_dst + from, diff_src + to);
  });
}

}  // namespace

void max_pool2d_forward(const Pool2dDims& dims, const float* src, float* dst, int32_t* argmax) {
  const auto kernel = kernels().pool.max_forward;
  gather(dims, [=, c = dims.c](const PoolWindow& window, int64_t from, int64_t to) {
    kernel(c, window, src + from, dst + to, argmax == nullptr ? nullptr : argmax + to);
  });
}

void max_pool2d_backward(const Pool2dDims& dims, const float* diff_dst, const int32_t* argmax,
                         float* diff_src) {
  const auto kernel = kernels().pool.max_backward;
  scatter(dims, diff_src, [=](int64_t c, const PoolWindow& window, int64_t to, int64_t from) {
    kernel(c, window, diff_dst + from, argmax + from, diff_src + to);
  });
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
