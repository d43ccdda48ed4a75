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

constexpr int64_t kFar = (int64_t{1} << 31) - 1;

// mb ih iw ic, oh ow oc, kh kw, strides, pads, dilations, groups, rotated
const Case kCases[] = {
    {"same 3x3", {2, 9, 8, 5, 9, 8, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1}},
    {"pointwise", {3, 6, 5, 8, 6, 5, 20, 1, 1, 1, 1, 0, 0, 1, 1, 1}},
    {"pointwise, wide", {3, 6, 5, 40, 6, 5, 53, 1, 1, 1, 1, 0, 0, 1, 1, 1}},
    {"pointwise, few pixels", {1, 3, 3, 24, 3, 3, 290, 1, 1, 1, 1, 0, 0, 1, 1, 1}},
    {"pointwise, many pixels", {2, 65, 70, 17, 65, 70, 18, 1, 1, 1, 1, 0, 0, 1, 1, 1}},
    {"pointwise, strided", {2, 7, 10, 24, 3, 4, 36, 1, 1, 2, 3, 0, 0, 1, 1, 1}},
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
    {"wide 3x3, strided", {3, 9, 12, 18, 5, 6, 33, 3, 3, 2, 2, 1, 0, 1, 1, 1}},
    {"wide 3x3, strided, true convolution",
     {1, 8, 9, 16, 4, 5, 17, 3, 3, 2, 2, 0, 1, 1, 1, 1, true}},
    {"wide 3x3, strided, many weights", {2, 7, 6, 256, 4, 3, 258, 3, 3, 2, 2, 1, 1, 1, 1, 1}},
    {"a stride beyond the image", {2, 3, 2, 12, 2, 1, 4, 2, 2, kFar, kFar, 1, 0, 1, 1, 1}},
    {"strides of more than 63 bits", {1, 1, 3, 12, 2, 2, 4, 1, 1, kFar, kFar, 0, 0, 1, 1, 1}},
    {"an output all of padding", {1, 2, 2, 2, 3, 3, 2, 1, 1, 4, 4, 4, 4, 1, 1, 1}},
};

// Puts back what a test changes, whether it passes or not.
struct RestoreBackend {
  ~RestoreBackend() {
    set_conv_algorithm("auto");
    set_isa(available_isas().front());
    set_num_threads(0);
  }
};

template <typename Body>
void for_each_backend(Body body) {
  const RestoreBackend restore;
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
}

TEST(Conv2d, EveryPassEqualsItsDefinition) {
  for (const Case& one : kCases) {
    const Conv2dDims& d = one.dims;
    const test::DefinedConvolution defined(d);
    for_each_backend([&](const std::string& backend) {
      SCOPED_TRACE(std::string(one.name) + ", " + backend);
      std::vector<float> dst(defined.dst.size(), -99.0f), diff_src(defined.src.size(), -99.0f),
          diff_weights(defined.weights.size(), -99.0f), diff_bias(defined.bias.size(), -99.0f);
      conv2d_forward(d, defined.src.data(), defined.weights.data(), defined.bias.data(), {},
                     dst.data());
      conv2d_backward_data(d, {defined.diff_dst.data()}, defined.weights.data(), nullptr, {},
                           diff_src.data());
      conv2d_backward_weights(d, defined.src.data(), {defined.diff_dst.data()}, diff_weights.data(),
                              diff_bias.data());
      EXPECT_TRUE(test::is_as_defined(dst, defined.dst));
      EXPECT_TRUE(test::is_as_defined(diff_src, defined.diff_src));
      EXPECT_TRUE(test::is_as_defined(diff_weights, defined.diff_weights));
      EXPECT_EQ(diff_bias, defined.diff_bias);
    });
  }
}

// The sum with an addend and then a ReLU, of outputs without either.
std::vector<float> finished(std::vector<float> outputs, const std::vector<float>& addend) {
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = std::max(outputs[i] + addend[i], 0.0f);
  return outputs;
}

TEST(Conv2d, AnAddendAndAnActivationInTheSamePass) {
  for (const Case& one : kCases) {
    const Conv2dDims& d = one.dims;
    const test::DefinedConvolution defined(d);
    const std::vector<float> bias = test::whole_floats(d.ic, 5);
    std::vector<float> biased = defined.diff_src;
    for (size_t i = 0; i < biased.size(); ++i) biased[i] += bias[i % bias.size()];
    for_each_backend([&](const std::string& backend) {
      SCOPED_TRACE(std::string(one.name) + ", " + backend);
      const Epilogue to_dst = {.addend = defined.diff_dst.data(), .activation = Activation::relu};
      const Epilogue to_src = {.addend = defined.src.data(), .activation = Activation::relu};
      std::vector<float> dst(defined.dst.size(), -99.0f), diff_src(defined.src.size(), -99.0f);
      conv2d_forward(d, defined.src.data(), defined.weights.data(), defined.bias.data(), to_dst,
                     dst.data());
      conv2d_backward_data(d, {defined.diff_dst.data()}, defined.weights.data(), bias.data(),
                           to_src, diff_src.data());
      EXPECT_TRUE(test::is_as_defined(dst, finished(defined.dst, defined.diff_dst)));
      EXPECT_TRUE(test::is_as_defined(diff_src, finished(biased, defined.src)));
    });
  }
}

// Two rows of output are pooled together, so the input of both would have to lie in one copy.
TEST(Conv2d, PoolingRowsWhoseInputLiesFarApartTakesNoMemory) {
  const Conv2dDims d{1, 1, 2, 4, 2, 2, 4, 1, 1, kFar, 1, 0, 0, 1, 1, 1};
  const test::DefinedConvolution defined(d);
  std::vector<float> largest(4, 0);
  for (size_t i = 0; i < defined.dst.size(); ++i) {
    largest[i % 4] = i < 4 ? defined.dst[i] : std::max(largest[i % 4], defined.dst[i]);
  }
  for_each_backend([&](const std::string& backend) {
    SCOPED_TRACE(backend);
    std::vector<float> pooled(4, -99.0f);
    conv2d_forward(d, defined.src.data(), defined.weights.data(), defined.bias.data(),
                   {.pool = Pooling::squares}, pooled.data());
    EXPECT_EQ(pooled, largest);
  });
}

}  // namespace
}  // namespace cnnx
