#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cnnx/conv2d.hpp"
#include "cnnx/runtime.hpp"
#include "conv2d_definition.hpp"
#include "random_floats.hpp"

namespace cnnx {
namespace {

struct Case {
  const char* name;
  Conv2dDims dims;
};

// mb ih iw ic, oh ow oc, kh kw, strides, pads, dilations, groups, rotated
const Case kCases[] = {
    {"same 3x3", {2, 9, 8, 5, 9, 8, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1}},
    {"pointwise", {3, 6, 5, 8, 6, 5, 20, 1, 1, 1, 1, 0, 0, 1, 1, 1}},
    {"pointwise, groups", {2, 4, 4, 6, 4, 4, 4, 1, 1, 1, 1, 0, 0, 1, 1, 2}},
    {"strided, dilated, grouped", {2, 11, 10, 6, 5, 3, 9, 3, 2, 2, 3, 1, 0, 1, 2, 3}},
    {"depthwise", {1, 7, 7, 4, 7, 7, 4, 3, 3, 1, 1, 1, 1, 1, 1, 4}},
    {"true convolution", {2, 9, 8, 5, 9, 8, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, true}},
    {"true convolution, strided, dilated, grouped",
     {2, 11, 10, 6, 5, 3, 9, 3, 2, 2, 3, 1, 0, 1, 2, 3, true}},
    {"many chunks", {4, 40, 41, 3, 36, 37, 8, 5, 5, 1, 1, 0, 0, 1, 1, 1}},
    {"taps too far apart to copy the rows",
     {1, 3, 3, 4, 3, 3, 2, 3, 3, 1, 1, 999, 999, 999, 999, 1}},
    {"wide 3x3", {3, 9, 6, 18, 10, 5, 33, 3, 3, 1, 1, 2, 1, 1, 1, 1}},
    {"wide 3x3, true convolution", {1, 9, 8, 16, 7, 6, 17, 3, 3, 1, 1, 0, 0, 1, 1, 1, true}},
    {"wide 3x3, many weights", {2, 6, 7, 128, 6, 7, 130, 3, 3, 1, 1, 1, 1, 1, 1, 1}},
    {"an output all of padding", {1, 2, 2, 2, 3, 3, 2, 1, 1, 4, 4, 4, 4, 1, 1, 1}},
};

template <typename Body>
void for_each_backend(Body body) {
  for (const char* algorithm : {"direct", "im2col", "winograd"}) {
    set_conv_algorithm(algorithm);
    for (const std::string& isa : available_isas()) {
      set_isa(isa);
      for (int threads : {1, 2, 5}) {
        set_num_threads(threads);
        body(std::string(algorithm) + ", " + isa + ", threads " + std::to_string(threads));
      }
    }
  }
  set_conv_algorithm("auto");
  set_isa(available_isas().front());
  set_num_threads(0);
}

// Whole numbers, so every pass is exact whatever the order of its sums, but for Winograd's factors.
void expect_same(const std::vector<float>& got, const std::vector<float>& expected) {
  if (conv_algorithm() != "winograd") {
    EXPECT_EQ(got, expected);
    return;
  }
  float largest = 0.0f, error = 0.0f;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    error = std::max(error, std::abs(got[i] - expected[i]));
  }
  EXPECT_LE(error, 1e-5f * largest);
}

TEST(Conv2d, EveryPassEqualsItsDefinition) {
  for (const Case& test : kCases) {
    const Conv2dDims& d = test.dims;
    const auto src = test::whole_floats(d.mb * d.ih * d.iw * d.ic, 1);
    const auto weights = test::whole_floats(d.kh * d.kw * d.ic / d.groups * d.oc, 2);
    const auto bias = test::whole_floats(d.oc, 3);
    const auto diff_dst = test::whole_floats(d.mb * d.oh * d.ow * d.oc, 4);
    std::vector<float> dst(diff_dst.size()), diff_src(src.size()), diff_weights(weights.size()),
        diff_bias(bias.size());
    for (size_t i = 0; i < dst.size(); ++i) {
      dst[i] = bias[i % d.oc];
      diff_bias[i % d.oc] += diff_dst[i];
    }
    test::for_each_product(d, [&](int64_t s, int64_t w, int64_t o) {
      dst[o] += src[s] * weights[w];
      diff_src[s] += diff_dst[o] * weights[w];
      diff_weights[w] += diff_dst[o] * src[s];
    });
    for_each_backend([&](const std::string& backend) {
      SCOPED_TRACE(std::string(test.name) + ", " + backend);
      std::vector<float> got_dst(dst.size(), -99.0f), got_diff_src(src.size(), -99.0f),
          got_diff_weights(weights.size(), -99.0f), got_diff_bias(bias.size(), -99.0f);
      conv2d_forward(d, src.data(), weights.data(), bias.data(), {}, got_dst.data());
      conv2d_backward_data(d, {diff_dst.data()}, weights.data(), got_diff_src.data());
      conv2d_backward_weights(d, src.data(), {diff_dst.data()}, got_diff_weights.data(),
                              got_diff_bias.data());
      expect_same(got_dst, dst);
      expect_same(got_diff_src, diff_src);
      expect_same(got_diff_weights, diff_weights);
      EXPECT_EQ(got_diff_bias, diff_bias);
    });
  }
}

}  // namespace
}  // namespace cnnx
