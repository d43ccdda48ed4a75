// Pooling with windows of any geometry, in arrays of exactly their size, compared with the
// definition; sums of whole numbers are exact.

#include <algorithm>

#include "choices.hpp"
#include "cnnx/pool2d.hpp"
#include "random_floats.hpp"

namespace cnnx {
namespace {

constexpr int64_t kMostVisits = 200'000;

// The pixel of an axis that a tap of a window lies on; -1 where there is none.
int64_t pixel_of(int64_t i, int64_t tap, int64_t input, int64_t output, int64_t stride,
                 int64_t padding) {
  if (stride > 0) {
    const int64_t pixel = i * stride - padding + tap;
    return pixel < input ? pixel : -1;
  }
  const int64_t pixel = i * input / output + tap;  // shared out: seen if it begins before the end
  return pixel * output < (i + 1) * input ? pixel : -1;
}

// Calls visit(window position, input index) for the pixels of a window that lie in the image.
template <typename Visit>
void for_each_pixel(const Pool2dDims& d, int64_t n, int64_t oy, int64_t ox, Visit visit) {
  for (int64_t ky = 0; ky < d.kh; ++ky)
    for (int64_t kx = 0; kx < d.kw; ++kx) {
      const int64_t iy = pixel_of(oy, ky, d.ih, d.oh, d.stride_h, d.pad_top);
      const int64_t ix = pixel_of(ox, kx, d.iw, d.ow, d.stride_w, d.pad_left);
      if (iy < 0 || ix < 0) continue;
      visit(ky * d.kw + kx, ((n * d.ih + iy) * d.iw + ix) * d.c);
    }
}

// Bytes where windows are small, as the Python interface has them.
template <typename Position>
void check_maximum(const Pool2dDims& d, const std::vector<float>& src,
                   const std::vector<float>& diff_dst) {
  std::vector<float> dst(diff_dst.size()), diff_src(src.size());
  std::vector<Position> argmax(dst.size());
  for (int64_t i = 0; i < static_cast<int64_t>(dst.size()); ++i) {
    const int64_t c = i % d.c, ox = i / d.c % d.ow, oy = i / d.c / d.ow % d.oh;
    int64_t best = -1;
    for_each_pixel(d, i / d.c / d.ow / d.oh, oy, ox, [&](int64_t position, int64_t pixel) {
      if (best >= 0 && src[pixel + c] <= src[best]) return;
      best = pixel + c;
      argmax[i] = static_cast<Position>(position);
    });
    dst[i] = src[best];
    diff_src[best] += diff_dst[i];
  }
  std::vector<float> got(dst.size(), -99.0f), got_src(src.size(), -99.0f);
  std::vector<Position> got_argmax(dst.size());
  max_pool2d_forward(d, src.data(), got.data(), got_argmax.data());
  test::require(got == dst, "max_pool2d_forward");
  test::require(got_argmax == argmax, "max_pool2d_forward: argmax");
  max_pool2d_backward(d, diff_dst.data(), argmax.data(), got_src.data());
  test::require(got_src == diff_src, "max_pool2d_backward");
}

void check_sum(const Pool2dDims& d, const std::vector<float>& src,
               const std::vector<float>& diff_dst) {
  std::vector<float> dst(diff_dst.size()), diff_src(src.size());
  for (int64_t i = 0; i < static_cast<int64_t>(dst.size()); ++i) {
    const int64_t c = i % d.c, ox = i / d.c % d.ow, oy = i / d.c / d.ow % d.oh;
    for_each_pixel(d, i / d.c / d.ow / d.oh, oy, ox, [&](int64_t, int64_t pixel) {
      dst[i] += src[pixel + c];
      diff_src[pixel + c] += diff_dst[i];
    });
  }
  std::vector<float> got(dst.size(), -99.0f), got_src(src.size(), -99.0f);
  sum_pool2d_forward(d, src.data(), got.data());
  test::require(got == dst, "sum_pool2d_forward");
  sum_pool2d_backward(d, diff_dst.data(), got_src.data());
  test::require(got_src == diff_src, "sum_pool2d_backward");
  avg_pool2d_forward(d, src.data(), got.data());  // for the sanitizers: averages are not exact
  avg_pool2d_backward(d, diff_dst.data(), got_src.data());
}

void run(test::Choices choices) {
  Pool2dDims d{};
  d.mb = choices.number(1, 3);
  d.ih = choices.number(1, 40);
  d.iw = choices.number(1, 40);
  d.c = choices.number(1, 40);
  d.kh = choices.number(1, 20);
  d.kw = choices.number(1, 20);
  d.stride_h = choices.distance(1);
  d.stride_w = choices.distance(1);
  d.pad_top = choices.number(0, d.kh - 1);
  d.pad_left = choices.number(0, d.kw - 1);
  // The Python interface places windows so that each sees a pixel at least.
  d.oh = choices.number(1, std::min<int64_t>((d.ih - 1 + d.pad_top) / d.stride_h + 1, 40));
  d.ow = choices.number(1, std::min<int64_t>((d.iw - 1 + d.pad_left) / d.stride_w + 1, 40));
  if (choices.number(0, 3) == 0) {  // shares along rows
    d.stride_h = d.pad_top = 0;
    d.oh = choices.number(1, 40);
    d.kh = d.ih / d.oh + 2;
  }
  const int64_t outputs = d.mb * d.oh * d.ow * d.c, inputs = d.mb * d.ih * d.iw * d.c;
  if (outputs * d.kh * d.kw > kMostVisits) return;
  choices.use_backend();
  const auto src = test::whole_floats(inputs, 1), diff_dst = test::whole_floats(outputs, 2);
  if (d.kh * d.kw <= kMostBytePositions)
    check_maximum<uint8_t>(d, src, diff_dst);
  else
    check_maximum<int32_t>(d, src, diff_dst);
  check_sum(d, src, diff_dst);
}

}  // namespace
}  // namespace cnnx

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cnnx::run({data, size});
  return 0;
}
