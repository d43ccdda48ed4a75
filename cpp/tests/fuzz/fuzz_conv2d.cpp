// Convolutions of any geometry, every pass in arrays of exactly their size, compared with the
// definition: exactly, since the numbers are whole, but for Winograd's factors.

#include <algorithm>

#include "choices.hpp"
#include "conv2d_definition.hpp"

namespace cnnx {
namespace {

constexpr int64_t kMostProducts = 200'000;

void run(test::Choices choices) {
  const int64_t groups = choices.number(0, 3) ? 1 : choices.number(1, 5);
  Conv2dDims d{};
  d.groups = groups;
  d.mb = choices.number(1, 3);
  d.ih = choices.number(1, 20);
  d.iw = choices.number(1, 40);
  d.ic = groups * choices.number(1, 20);
  d.oh = choices.number(1, 20);
  d.ow = choices.number(1, 40);
  d.oc = groups * choices.number(1, 36);
  d.kh = choices.number(1, 7);
  d.kw = choices.number(1, 7);
  d.stride_h = choices.distance(1);
  d.stride_w = choices.distance(1);
  d.pad_top = choices.distance(0);
  d.pad_left = choices.distance(0);
  d.dilation_h = choices.distance(1);
  d.dilation_w = choices.distance(1);
  d.rotated = choices.number(0, 1) == 1;
  const int64_t outputs = d.mb * d.oh * d.ow * d.oc, inputs = d.mb * d.ih * d.iw * d.ic;
  const int64_t taps = d.kh * d.kw * d.ic / groups;
  if (outputs * taps > kMostProducts || inputs > kMostProducts) return;
  static const char* const algorithms[] = {"auto", "direct", "im2col", "winograd"};
  set_conv_algorithm(choices.among(algorithms));
  choices.use_backend();

  const test::DefinedConvolution defined(d);
  const float *const src = defined.src.data(), *const weights = defined.weights.data();
  std::vector<float> dst(outputs, -99.0f), diff_src(inputs, -99.0f),
      diff_weights(defined.weights.size(), -99.0f), diff_bias(d.oc, -99.0f);
  conv2d_forward(d, src, weights, defined.bias.data(), {}, dst.data());
  test::require(test::is_as_defined(dst, defined.dst), "conv2d_forward");
  conv2d_backward_data(d, {defined.diff_dst.data()}, weights, nullptr, {}, diff_src.data());
  test::require(test::is_as_defined(diff_src, defined.diff_src), "conv2d_backward_data");

  std::vector<float> dst_sum(defined.dst), src_sum(defined.diff_src);
  for (int64_t i = 0; i < outputs; ++i) dst_sum[i] += defined.diff_dst[i];
  for (int64_t i = 0; i < inputs; ++i) src_sum[i] += src[i];
  std::vector<float> added(outputs, -99.0f), added_src(inputs, -99.0f);
  conv2d_forward(d, src, weights, defined.bias.data(), {.addend = defined.diff_dst.data()},
                 added.data());
  test::require(test::is_as_defined(added, dst_sum), "conv2d_forward, added");
  conv2d_backward_data(d, {defined.diff_dst.data()}, weights, nullptr, {.addend = src},
                       added_src.data());
  test::require(test::is_as_defined(added_src, src_sum), "conv2d_backward_data, added");

  conv2d_backward_weights(d, src, {defined.diff_dst.data()}, diff_weights.data(), diff_bias.data());
  test::require(test::is_as_defined(diff_weights, defined.diff_weights), "conv2d_backward_weights");
  test::require(diff_bias == defined.diff_bias, "conv2d_backward_weights: diff_bias");

  const int64_t rows = d.oh / 2, columns = d.ow / 2;
  if (rows * columns == 0) return;
  std::vector<float> pooled(d.mb * rows * columns * d.oc, -99.0f);
  std::vector<uint8_t> codes(pooled.size(), 99);
  conv2d_forward(d, src, weights, defined.bias.data(),
                 {.activation = Activation::linear, .pool = true, .codes = codes.data()},
                 pooled.data());
  std::vector<float> largest(pooled.size());
  for (int64_t i = 0; i < static_cast<int64_t>(pooled.size()); ++i) {
    const int64_t o = i % d.oc, x = i / d.oc % columns, y = i / d.oc / columns % rows;
    const float* window =
        &dst[((i / d.oc / columns / rows * d.oh + 2 * y) * d.ow + 2 * x) * d.oc + o];
    const float below = std::max(window[d.ow * d.oc], window[(d.ow + 1) * d.oc]);
    largest[i] = std::max({window[0], window[d.oc], below});
    test::require(codes[i] < 4, "code of a pooled output");
  }
  test::require(test::is_as_defined(pooled, largest), "conv2d_forward, pooled");
}

}  // namespace
}  // namespace cnnx

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cnnx::run({data, size});
  return 0;
}
