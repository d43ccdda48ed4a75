// Convolutions of any geometry, every pass in arrays of exactly their size, compared with the
// definition: exactly, since the numbers are whole, but for Winograd's factors.

#include <algorithm>
#include <cmath>

#include "choices.hpp"
#include "conv2d_definition.hpp"
#include "random_floats.hpp"

namespace cnnx {
namespace {

constexpr int64_t kMostProducts = 200'000;

bool close(const std::vector<float>& got, const std::vector<float>& expected) {
  if (conv_algorithm() != "winograd") return got == expected;
  float largest = 0.0f, error = 0.0f;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    error = std::max(error, std::abs(got[i] - expected[i]));
  }
  return error <= 1e-5f * largest;
}

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

  const auto src = test::whole_floats(inputs, 1), weights = test::whole_floats(taps * d.oc, 2);
  const auto bias = test::whole_floats(d.oc, 3), diff_dst = test::whole_floats(outputs, 4);
  std::vector<float> dst(outputs), diff_src(inputs), diff_weights(weights.size()), diff_bias(d.oc);
  for (int64_t i = 0; i < outputs; ++i) {
    dst[i] = bias[i % d.oc];
    diff_bias[i % d.oc] += diff_dst[i];
  }
  test::for_each_product(d, [&](int64_t s, int64_t w, int64_t o) {
    dst[o] += src[s] * weights[w];
    diff_src[s] += diff_dst[o] * weights[w];
    diff_weights[w] += diff_dst[o] * src[s];
  });

  std::vector<float> got_dst(outputs, -99.0f), got_src(inputs, -99.0f),
      got_weights(weights.size(), -99.0f), got_bias(d.oc, -99.0f);
  conv2d_forward(d, src.data(), weights.data(), bias.data(), {}, got_dst.data());
  test::require(close(got_dst, dst), "conv2d_forward");
  conv2d_backward_data(d, {diff_dst.data()}, weights.data(), got_src.data());
  test::require(close(got_src, diff_src), "conv2d_backward_data");
  conv2d_backward_weights(d, src.data(), {diff_dst.data()}, got_weights.data(), got_bias.data());
  test::require(close(got_weights, diff_weights), "conv2d_backward_weights");
  test::require(got_bias == diff_bias, "conv2d_backward_weights: diff_bias");

  const int64_t rows = d.oh / 2, columns = d.ow / 2;
  if (rows * columns == 0) return;
  std::vector<float> pooled(d.mb * rows * columns * d.oc, -99.0f);
  std::vector<uint8_t> codes(pooled.size(), 99);
  conv2d_forward(d, src.data(), weights.data(), bias.data(),
                 {.activation = Activation::linear, .pool = true, .codes = codes.data()},
                 pooled.data());
  std::vector<float> largest(pooled.size());
  for (int64_t i = 0; i < static_cast<int64_t>(pooled.size()); ++i) {
    const int64_t o = i % d.oc, x = i / d.oc % columns, y = i / d.oc / columns % rows;
    const float* window =
        &got_dst[((i / d.oc / columns / rows * d.oh + 2 * y) * d.ow + 2 * x) * d.oc + o];
    const float below = std::max(window[d.ow * d.oc], window[(d.ow + 1) * d.oc]);
    largest[i] = std::max({window[0], window[d.oc], below});
    test::require(codes[i] < 4, "code of a pooled output");
  }
  test::require(close(pooled, largest), "conv2d_forward, pooled");
}

}  // namespace
}  // namespace cnnx

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cnnx::run({data, size});
  return 0;
}
