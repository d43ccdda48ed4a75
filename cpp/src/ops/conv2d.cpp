#include "cnnx/conv2d.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "ops/column_sums.hpp"
#include "ops/conv2d_direct.hpp"
#include "ops/conv2d_im2col.hpp"

namespace cnnx {
namespace {

bool is_im2col(const std::string& name) {
  if (name == "direct") return false;
  if (name == "im2col") return true;
  throw std::invalid_argument("convolution algorithm '" + name +
                              "' is unknown; CNNX_CONV_ALGORITHM and "
                              "cnnx.config.set_conv_algorithm take direct, im2col");
}

std::atomic<bool>& plain() {
  static std::atomic<bool> value = [] {
    const char* forced = std::getenv("CNNX_CONV_ALGORITHM");
    return forced != nullptr && *forced != '\0' && is_im2col(forced);
  }();
  return value;
}

}  // namespace

std::string conv_algorithm() { return plain() ? "im2col" : "direct"; }
void set_conv_algorithm(const std::string& name) { plain() = is_im2col(name); }

void conv2d_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, float* dst) {
  const bool direct = !plain() && has_direct(dims);
  const auto forward = direct ? direct_forward : im2col_forward;
  forward(dims, src, weights, bias, dst);
}

void conv2d_backward_data(const Conv2dDims& dims, const float* diff_dst, const float* weights,
                          float* diff_src) {
  const bool direct = !plain() && has_direct_backward_data(dims);
  const auto backward = direct ? direct_backward_data : im2col_backward_data;
  backward(dims, diff_dst, weights, diff_src);
}

void conv2d_backward_weights(const Conv2dDims& dims, const float* src, const float* diff_dst,
                             float* diff_weights, float* diff_bias) {
  const bool direct = !plain() && has_direct(dims);
  const auto backward = direct ? direct_backward_weights : im2col_backward_weights;
  backward(dims, src, diff_dst, diff_weights);
  if (dims.rotated) {
    // Tap t of the correlation is the last but t of the kernel.
    const int64_t taps = dims.kh * dims.kw, floats = dims.ic / dims.groups * dims.oc;
    for (int64_t tap = 0; tap < taps / 2; ++tap) {
      float* const first = diff_weights + tap * floats;
      std::swap_ranges(first, first + floats, diff_weights + (taps - 1 - tap) * floats);
    }
  }
  if (diff_bias != nullptr) {
    column_sums(dims.mb * dims.oh * dims.ow, dims.oc, diff_dst, diff_bias);
  }
}

}  // namespace cnnx
