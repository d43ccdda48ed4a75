// Trains a small network in C++: are the stripes of an image level, upright or none?
//
//   cmake -B build/native -DCNNX_BUILD_PYTHON=OFF && cmake --build build/native
//   cmake --install build/native --prefix ~/cnnx
//   cmake -B build/examples examples/native -DCMAKE_PREFIX_PATH=~/cnnx
//   cmake --build build/examples && build/examples/train_stripes
//
// A 3x3 convolution with ReLU and 2x2 max pooling, then a dense layer with softmax and
// cross-entropy; plain gradient descent. A layer is a call forward and calls backward, on arrays
// that the program owns.

#include <algorithm>
#include <cnnx/conv2d.hpp>
#include <cnnx/dense.hpp>
#include <cnnx/loss.hpp>
#include <cnnx/optimizer_step.hpp>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace {

using Floats = std::vector<float>;

constexpr int64_t kBatch = 32, kSide = 16, kFilters = 8, kClasses = 3, kSteps = 200;
constexpr int64_t kFeatures = kSide / 2 * kSide / 2 * kFilters;
constexpr float kRate = 0.1f;

std::mt19937 generator(0);

Floats random_floats(int64_t size, float deviation) {
  std::normal_distribution<float> normal(0, deviation);
  Floats values(size);
  for (float& value : values) value = normal(generator);
  return values;
}

// Noisy images, with the number of their class.
void draw(Floats& images, std::vector<int64_t>& labels) {
  images = random_floats(kBatch * kSide * kSide, 0.5f);
  for (int64_t n = 0; n < kBatch; ++n) {
    labels[n] = static_cast<int64_t>(generator() % kClasses);
    for (int64_t i = 0; i < kSide * kSide && labels[n] < 2; ++i) {
      const int64_t line = labels[n] == 0 ? i / kSide : i % kSide;
      images[n * kSide * kSide + i] += line % 4 < 2 ? 1.0f : -1.0f;
    }
  }
}

}  // namespace

int main() {
  const cnnx::Conv2dDims conv{.mb = kBatch,
                              .ih = kSide,
                              .iw = kSide,
                              .ic = 1,
                              .oh = kSide,
                              .ow = kSide,
                              .oc = kFilters,
                              .kh = 3,
                              .kw = 3,
                              .stride_h = 1,
                              .stride_w = 1,
                              .pad_top = 1,
                              .pad_left = 1,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .groups = 1};
  const cnnx::DenseDims dense{kBatch, kFeatures, kClasses};
  const cnnx::LossDims rows{kBatch, kClasses};
  Floats kernel = random_floats(9 * kFilters, 0.3f), bias(kFilters);
  Floats matrix = random_floats(kFeatures * kClasses, 0.05f), offsets(kClasses);
  Floats images, features(kBatch * kFeatures), shares(kBatch * kClasses), losses(kBatch);
  Floats d_shares(shares.size()), d_features(features.size());
  Floats d_kernel(kernel.size()), d_bias(kFilters), d_matrix(matrix.size()), d_offsets(kClasses);
  std::vector<uint8_t> codes(features.size());
  std::vector<int64_t> labels(kBatch);
  const cnnx::Epilogue relu_and_pooling{
      .activation = cnnx::Activation::relu, .pool = cnnx::Pooling::squares, .codes = codes.data()};
  float accuracy = 0;
  for (int64_t step = 1; step <= kSteps; ++step) {
    draw(images, labels);
    cnnx::conv2d_forward(conv, images.data(), kernel.data(), bias.data(), relu_and_pooling,
                         features.data());
    cnnx::dense_forward(dense, features.data(), matrix.data(), offsets.data(), shares.data());
    cnnx::sparse_softmax_cross_entropy_forward(rows, shares.data(), labels.data(), shares.data(),
                                               losses.data());
    cnnx::sparse_softmax_cross_entropy_backward(rows, shares.data(), labels.data(), nullptr,
                                                1.0f / kBatch, d_shares.data());
    cnnx::dense_backward_weights(dense, features.data(), d_shares.data(), d_matrix.data(),
                                 d_offsets.data());
    cnnx::dense_backward_data(dense, d_shares.data(), matrix.data(), d_features.data());
    cnnx::conv2d_backward_weights(conv, images.data(), {d_features.data(), codes.data()},
                                  d_kernel.data(), d_bias.data());
    for (auto [weights, gradient] : {std::pair{&kernel, &d_kernel},
                                     {&bias, &d_bias},
                                     {&matrix, &d_matrix},
                                     {&offsets, &d_offsets}}) {
      cnnx::sgd_step(static_cast<int64_t>(weights->size()), kRate, 0, false, gradient->data(),
                     nullptr, weights->data());
    }
    int64_t right = 0;
    for (int64_t n = 0; n < kBatch; ++n) {
      const float* row = &shares[n * kClasses];
      right += std::max_element(row, row + kClasses) - row == labels[n];
    }
    accuracy = 0.9f * accuracy + 0.1f * static_cast<float>(right) / kBatch;
    if (step % 50 == 0) std::printf("step %3d  accuracy %.3f\n", static_cast<int>(step), accuracy);
  }
  return accuracy > 0.9f ? 0 : 1;
}
