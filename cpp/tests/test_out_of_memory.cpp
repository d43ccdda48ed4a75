// Every allocation of an operation fails once. An exception that leaves a parallel region ends the
// process, so this also shows that nothing is allocated inside one.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "cnnx/batch_norm.hpp"
#include "cnnx/bias.hpp"
#include "cnnx/conv2d.hpp"
#include "cnnx/dense.hpp"
#include "cnnx/runtime.hpp"
#include "random_floats.hpp"

namespace {

constexpr int kNever = -1;
std::atomic<int> granted = kNever;  // allocations until one fails

void* allocate(size_t bytes, size_t alignment) {
  if (granted != kNever && granted-- == 0) throw std::bad_alloc();
  void* const block = std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { std::free(block); }

namespace cnnx {
namespace {

using Floats = std::vector<float>;

// Runs body in a thread of its own, which has no scratch memory yet, and returns whether its
// allocations sufficed.
bool suffices(int allocations, const std::function<void()>& body) {
  bool done = false;
  std::thread([&] {
    granted = allocations;
    try {
      body();
      done = true;
    } catch (const std::bad_alloc&) {
    }
    granted = kNever;
  }).join();
  return done;
}

// body writes all of result.
void expect_recovery(const std::string& name, Floats& result, const std::function<void()>& body) {
  SCOPED_TRACE(name);
  set_num_threads(2);
  body();
  const Floats expected = result;
  int allocations = 0;
  while (!suffices(allocations, body)) {
    ASSERT_LT(++allocations, 100);
    std::fill(result.begin(), result.end(), -99.0f);
    body();
    EXPECT_EQ(result, expected) << "after failure " << allocations;
  }
  EXPECT_GT(allocations, 0) << "the operation allocates nothing";
  set_num_threads(0);
}

// mb ih iw ic, oh ow oc, kh kw, strides, pads, dilations, groups, rotated; a depthwise layer
// without dilation needs no scratch
constexpr Conv2dDims kConv = {4, 16, 16, 16, 16, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, true};
constexpr Conv2dDims kDepthwise = {4, 16, 16, 16, 16, 16, 16, 3, 3, 1, 1, 2, 2, 2, 2, 16, false};

TEST(OutOfMemory, ConvolutionsRecover) {
  for (const Conv2dDims& d : {kConv, kDepthwise}) {
    const Floats src = test::random_floats(d.mb * d.ih * d.iw * d.ic, 1);
    const Floats weights = test::random_floats(d.kh * d.kw * d.ic / d.groups * d.oc, 2);
    Floats dst(static_cast<size_t>(d.mb * d.oh * d.ow * d.oc)), pooled(dst.size() / 4);
    Floats diff_src(src.size()), diff_weights(weights.size());
    std::vector<uint8_t> codes(pooled.size());
    const Epilogue pooling = {
        .activation = Activation::relu, .pool = Pooling::squares, .codes = codes.data()};
    for (const char* algorithm : {"direct", "im2col", "winograd"}) {
      SCOPED_TRACE(std::string(algorithm) + ", groups " + std::to_string(d.groups));
      set_conv_algorithm(algorithm);
      expect_recovery("forward", dst, [&] {
        conv2d_forward(d, src.data(), weights.data(), nullptr, {}, dst.data());
      });
      expect_recovery("pooled", pooled, [&] {
        conv2d_forward(d, src.data(), weights.data(), nullptr, pooling, pooled.data());
      });
      expect_recovery("gradient of src", diff_src, [&] {
        conv2d_backward_data(d, {pooled.data(), codes.data()}, weights.data(), nullptr, {},
                             diff_src.data());
      });
      expect_recovery("gradient of weights", diff_weights, [&] {
        conv2d_backward_weights(d, src.data(), {pooled.data(), codes.data()}, diff_weights.data(),
                                nullptr);
      });
    }
  }
  set_conv_algorithm("auto");
}

// Runs body twice, and expects the second time to find all of its memory.
void expect_no_allocation_again(const std::string& name, const std::function<void()>& body) {
  body();
  granted = 0;
  EXPECT_NO_THROW(body()) << name;
  granted = kNever;
}

// A first layer, of fewer channels than any vector has, and taps that lie far apart.
constexpr Conv2dDims kFirst = {4, 40, 40, 3, 40, 40, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, false};
constexpr Conv2dDims kFar = {2, 3, 3, 4, 4, 4, 8, 3, 3, 1, 1, 999, 999, 999, 999, 1, false};

TEST(OutOfMemory, APooledStepAllocatesNothing) {
  set_num_threads(2);
  for (const Conv2dDims& d : {kFirst, kFar, kConv, kDepthwise}) {
    const Floats src = test::random_floats(d.mb * d.ih * d.iw * d.ic, 1);
    const Floats weights = test::random_floats(d.kh * d.kw * d.ic / d.groups * d.oc, 2);
    Floats pooled(static_cast<size_t>(d.mb * d.oh * d.ow * d.oc / 4));
    Floats diff_src(src.size()), diff_weights(weights.size()), diff_bias(static_cast<size_t>(d.oc));
    std::vector<uint8_t> codes(pooled.size());
    const Epilogue pooling = {
        .activation = Activation::relu, .pool = Pooling::squares, .codes = codes.data()};
    for (const char* algorithm : {"auto", "direct", "im2col", "winograd"}) {
      SCOPED_TRACE(std::string(algorithm) + ", channels " + std::to_string(d.ic));
      set_conv_algorithm(algorithm);
      expect_no_allocation_again("forward", [&] {
        conv2d_forward(d, src.data(), weights.data(), nullptr, pooling, pooled.data());
      });
      expect_no_allocation_again("gradient of src", [&] {
        conv2d_backward_data(d, {pooled.data(), codes.data()}, weights.data(), nullptr, {},
                             diff_src.data());
      });
      expect_no_allocation_again("gradient of weights", [&] {
        conv2d_backward_weights(d, src.data(), {pooled.data(), codes.data()}, diff_weights.data(),
                                diff_bias.data());
      });
    }
  }
  set_conv_algorithm("auto");
  set_num_threads(0);
}

TEST(OutOfMemory, PreparedWeightsRecover) {
  const Conv2dDims& d = kConv;
  const Floats src = test::random_floats(d.mb * d.ih * d.iw * d.ic, 1);
  const Floats weights = test::random_floats(d.kh * d.kw * d.ic * d.oc, 2);
  Floats dst(static_cast<size_t>(d.mb * d.oh * d.ow * d.oc));
  for (const char* algorithm : {"direct", "winograd"}) {
    set_conv_algorithm(algorithm);
    conv2d_forward(d, src.data(), weights.data(), nullptr, {}, dst.data());
    const Floats expected = dst;
    PreparedWeights prepared;
    for (int allocations = 0;; ++allocations) {
      ASSERT_LT(allocations, 100);
      if (suffices(allocations, [&] {
            conv2d_forward(d, src.data(), weights.data(), nullptr, {}, dst.data(), &prepared);
          })) {
        break;
      }
    }
    EXPECT_EQ(dst, expected) << algorithm;
  }
  set_conv_algorithm("auto");
}

TEST(OutOfMemory, DenseLayersRecover) {
  const DenseDims d = {300, 300, 200};
  const Floats src = test::random_floats(d.mb * d.ic, 1);
  const Floats weights = test::random_floats(d.ic * d.oc, 2);
  const Floats diff_dst = test::random_floats(d.mb * d.oc, 3);
  Floats dst(diff_dst.size()), diff_src(src.size()), diff_weights(weights.size());
  expect_recovery("forward", dst,
                  [&] { dense_forward(d, src.data(), weights.data(), nullptr, dst.data()); });
  expect_recovery("gradient of src", diff_src, [&] {
    dense_backward_data(d, diff_dst.data(), weights.data(), diff_src.data());
  });
  expect_recovery("gradient of weights", diff_weights, [&] {
    dense_backward_weights(d, src.data(), diff_dst.data(), diff_weights.data(), nullptr);
  });
}

TEST(OutOfMemory, BatchNormalisationRecovers) {
  const BatchNormDims d = {16, 64, 64, 8};
  const Floats src = test::random_floats(d.rows() * d.c, 1);
  const Floats ones(static_cast<size_t>(d.c), 1.0f);
  const Affine affine = {ones.data(), ones.data()};
  Floats dst(src.size()), mean(ones), inv_std(ones), moving(ones), variance(ones), sums(ones);
  expect_recovery("training", dst, [&] {
    batch_norm_forward_training(d, src.data(), affine, 1e-3f, {}, dst.data(), mean.data(),
                                inv_std.data(), {0.9f, moving.data(), variance.data()});
  });
  expect_recovery("again", dst, [&] {
    batch_norm_recompute(d, src.data(), affine, mean.data(), inv_std.data(), {}, dst.data());
  });
  expect_recovery("inference", dst, [&] {
    batch_norm_forward_inference(d, src.data(), affine, ones.data(), ones.data(), 1e-3f, {},
                                 dst.data());
  });
  expect_recovery("gradient", dst, [&] {
    batch_norm_backward(d, src.data(), {src.data()}, Activation::linear, affine, mean.data(),
                        inv_std.data(), {dst.data(), sums.data(), sums.data()});
  });
  expect_recovery("gradient of a bias", sums,
                  [&] { bias_add_backward({d.rows(), d.c}, src.data(), sums.data()); });
}

}  // namespace
}  // namespace cnnx
