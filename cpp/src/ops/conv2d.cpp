#include "cnnx/conv2d.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "ops/column_sums.hpp"
#include "ops/conv2d_direct.hpp"
#include "ops/conv2d_im2col.hpp"
#include "ops/conv2d_rows.hpp"
#include "ops/conv2d_stride2.hpp"
#include "ops/conv2d_winograd.hpp"
#include "ops/prepared_weights.hpp"

namespace cnnx {
namespace {

enum Algorithm { kAuto, kWinograd, kDirect, kIm2col, kAlgorithms };
constexpr const char* kNames[kAlgorithms] = {"auto", "winograd", "direct", "im2col"};

Algorithm algorithm_of(const std::string& name) {
  const auto* const found = std::find(kNames, kNames + kAlgorithms, name);
  if (found != kNames + kAlgorithms) return static_cast<Algorithm>(found - kNames);
  throw std::invalid_argument("convolution algorithm '" + name +
                              "' is unknown; CNNX_CONV_ALGORITHM and "
                              "cnnx.config.set_conv_algorithm take auto, winograd, direct, im2col");
}

std::atomic<Algorithm>& algorithm() {
  static std::atomic<Algorithm> value = [] {
    const char* forced = std::getenv("CNNX_CONV_ALGORITHM");
    return forced == nullptr || *forced == '\0' ? kAuto : algorithm_of(forced);
  }();
  return value;
}

// To transform the weights or their gradients takes as long as so many tiles.
constexpr int64_t kWeightsTiles = 17, kGradientsTiles = 35;

// So does reading those of many weights that were kept: no cache near a core holds them.
int64_t kept_weights_tiles(const Conv2dDims& d, Pooling pooling) {
  constexpr int64_t kManyWeights = 64 * 64, kTiles = 8;
  return d.ic * d.oc >= kManyWeights && pooling == Pooling::none ? kTiles : 0;
}

bool takes_winograd(const Conv2dDims& d, Pooling pooling, int64_t weights_tiles) {
  if (pooling == Pooling::pairs) return false;
  return algorithm() == kWinograd ? has_winograd(d)
                                  : algorithm() == kAuto && winograd_pays(d, weights_tiles);
}

bool takes_stride2(const Conv2dDims& d, Pooling pooling, int64_t weights_tiles) {
  if (pooling != Pooling::none) return false;
  return algorithm() == kWinograd ? has_stride2(d)
                                  : algorithm() == kAuto && stride2_pays(d, weights_tiles);
}

bool takes_rows(const Conv2dDims& d, Pooling pooling, int64_t weights_tiles) {
  if (pooling == Pooling::squares) return false;
  return algorithm() == kWinograd ? has_rows(d)
                                  : algorithm() == kAuto && rows_pay(d, weights_tiles);
}

// Pixels that no window of the pooling takes need not be computed.
Conv2dDims whole_windows(Conv2dDims dims, Pooling pooling) {
  if (pooling == Pooling::none) return dims;
  dims.oh = dims.oh / window_rows(pooling) * window_rows(pooling);
  dims.ow = dims.ow / 2 * 2;
  return dims;
}

Pooling pooling_of(Images images) {
  return images.codes == nullptr ? Pooling::none : images.pooling;
}

}  // namespace

std::string conv_algorithm() { return kNames[algorithm()]; }
void set_conv_algorithm(const std::string& name) { algorithm() = algorithm_of(name); }

void conv2d_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst,
                    PreparedWeights* prepared) {
  const Conv2dDims d = whole_windows(dims, epilogue.pool);
  const bool kept = prepared != nullptr;
  const int64_t weights_tiles = kept ? kept_weights_tiles(d, epilogue.pool) : kWeightsTiles;
  if (takes_winograd(d, epilogue.pool, kept ? weights_tiles : winograd_weights_tiles(d))) {
    winograd_forward(d, src, weights, bias, epilogue, dst, prepared);
  } else if (takes_stride2(d, epilogue.pool,
                           std::max(weights_tiles, stride2_weights_tiles(d, kept)))) {
    stride2_forward(d, src, weights, bias, epilogue, dst, prepared);
  } else if (takes_rows(d, epilogue.pool, weights_tiles)) {
    rows_forward(d, src, weights, bias, epilogue, dst, prepared);
  } else if (algorithm() != kIm2col && has_direct(d, epilogue.pool)) {
    direct_forward(d, src, weights, bias, epilogue, dst, prepared);
  } else {
    const int64_t floats = d.kh * d.kw * d.ic / d.groups * d.oc;
    im2col_forward(d, src, scaled(prepared, weights, floats), bias, epilogue, dst);
  }
}

void conv2d_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                          const float* bias, const Epilogue& epilogue, float* diff_src) {
  const Pooling pooling = pooling_of(diff_dst);
  const Conv2dDims d = whole_windows(dims, pooling);
  if (takes_winograd(d, pooling, winograd_weights_tiles(d))) {
    winograd_backward_data(d, diff_dst, weights, bias, epilogue, diff_src);
  } else if (takes_stride2(d, pooling, std::max(kWeightsTiles, stride2_weights_tiles(d, false)))) {
    stride2_backward_data(d, diff_dst.data, weights, bias, epilogue, diff_src);
  } else if (takes_rows(d, pooling, kWeightsTiles)) {
    rows_backward_data(d, diff_dst, weights, bias, epilogue, diff_src);
  } else if (algorithm() != kIm2col && has_direct_backward_data(d)) {
    direct_backward_data(d, diff_dst, weights, bias, epilogue, diff_src);
  } else {
    im2col_backward_data(d, diff_dst, weights, bias, epilogue, diff_src);
  }
}

void conv2d_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                             float* diff_weights, float* diff_bias) {
  const Pooling pooling = pooling_of(diff_dst);
  const Conv2dDims d = whole_windows(dims, pooling);
  if (takes_winograd(d, pooling, kGradientsTiles)) {
    winograd_backward_weights(d, src, diff_dst, diff_weights);
  } else if (takes_stride2(d, pooling, stride2_gradients_tiles(d))) {
    stride2_backward_weights(d, src, diff_dst.data, diff_weights);
  } else if (takes_rows(d, pooling, kGradientsTiles)) {
    rows_backward_weights(d, src, diff_dst, diff_weights);
  } else if (algorithm() != kIm2col && has_direct(d, Pooling::none)) {
    direct_backward_weights(d, src, diff_dst, diff_weights);
  } else {
    im2col_backward_weights(d, src, diff_dst, diff_weights);
  }
  if (d.rotated) {
    // Tap t of the correlation is the last but t of the kernel.
    const int64_t taps = d.kh * d.kw, floats = d.ic / d.groups * d.oc;
    for (int64_t tap = 0; tap < taps / 2; ++tap) {
      float* const first = diff_weights + tap * floats;
      std::swap_ranges(first, first + floats, diff_weights + (taps - 1 - tap) * floats);
    }
  }
  if (diff_bias != nullptr) {
    const int64_t window = pooling == Pooling::none ? 1 : 2 * window_rows(pooling);
    column_sums(d.mb * d.oh * d.ow / window, d.oc, diff_dst, diff_bias);
  }
}

}  // namespace cnnx
