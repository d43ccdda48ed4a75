// Batch normalisation of images and of the outputs of a dense layer.
#include <string>

#include "cnnx/batch_norm.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

void add_batch_norm(int64_t rows, int64_t c) {
  const BatchNormDims d{rows, 1, 1, c};
  const int64_t size = rows * c;
  const std::string name = std::to_string(rows) + "x" + std::to_string(c);
  // The training passes read their inputs twice: the statistics come first.
  add_rows("batch_norm/forward_training/" + name, {.bytes = 12.0 * static_cast<double>(size)}, [=] {
    return [=, src = random_floats(size, 1), gamma = random_floats(c, 2),
            beta = random_floats(c, 3), dst = Floats(size), mean = Floats(c), inv_std = Floats(c),
            moving_mean = Floats(c), moving_variance = Floats(c)]() mutable {
      batch_norm_forward_training(d, src.data(), {gamma.data(), beta.data()}, 1e-3f, {}, dst.data(),
                                  mean.data(), inv_std.data(),
                                  {0.99f, moving_mean.data(), moving_variance.data()});
    };
  });
  add_rows("batch_norm/forward_inference/" + name, {.bytes = 8.0 * static_cast<double>(size)}, [=] {
    return [=, src = random_floats(size, 1), gamma = random_floats(c, 2),
            beta = random_floats(c, 3), mean = random_floats(c, 4),
            variance = std::vector<float>(c, 1.0f), dst = Floats(size)]() mutable {
      batch_norm_forward_inference(d, src.data(), {gamma.data(), beta.data()}, mean.data(),
                                   variance.data(), 1e-3f, {}, dst.data());
    };
  });
  add_rows("batch_norm/backward/" + name, {.bytes = 20.0 * static_cast<double>(size)}, [=] {
    return [=, src = random_floats(size, 1), diff_dst = random_floats(size, 2),
            gamma = random_floats(c, 3), mean = random_floats(c, 4),
            inv_std = std::vector<float>(c, 1.0f), diff_src = Floats(size), diff_gamma = Floats(c),
            diff_beta = Floats(c)]() mutable {
      batch_norm_backward(d, src.data(), {diff_dst.data()}, Activation::linear,
                          {.gamma = gamma.data()}, mean.data(), inv_std.data(),
                          {diff_src.data(), diff_gamma.data(), diff_beta.data()});
    };
  });
}

const bool added = [] {
  add_batch_norm(32 * 32 * 32, 64);
  add_batch_norm(32 * 16 * 16, 128);
  add_batch_norm(32 * 8 * 8, 256);
  add_batch_norm(32 * 28 * 28, 32);
  add_batch_norm(32, 64);
  add_batch_norm(8 * 112 * 112, 32);
  add_batch_norm(8 * 56 * 56, 144);
  add_batch_norm(8 * 14 * 14, 384);
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
