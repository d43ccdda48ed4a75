#include <algorithm>
#include <array>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_stride2.hpp"
#include "ops/stride2_tiles.hpp"
#include "ops/tile_gradients.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kInputs = 5, kOutputs = 3, kWeights = 4;  // points along one axis
constexpr int64_t kSums = kWeights * kWeights;
constexpr int64_t kTile = 2, kPatch = 5;

// The points of one axis whose products belong to the same weights: those of w1 are two.
struct AxisSums {
  int64_t count;
  int64_t inputs[2], outputs[2];
};
constexpr AxisSums kAxis[kWeights] = {
    {1, {0}, {0}}, {2, {1, 3}, {0, 2}}, {1, {2}, {1}}, {1, {4}, {2}}};

constexpr std::array<PointSum, kSums> make_sums() {
  std::array<PointSum, kSums> sums{};
  for (int64_t i = 0; i < kSums; ++i) {
    const AxisSums &y = kAxis[i / kWeights], &x = kAxis[i % kWeights];
    PointSum& sum = sums[i];
    for (int64_t a = 0; a < y.count; ++a) {
      for (int64_t b = 0; b < x.count; ++b, ++sum.count) {
        sum.inputs[sum.count] = y.inputs[a] * kInputs + x.inputs[b];
        sum.gradients[sum.count] = y.outputs[a] * kOutputs + x.outputs[b];
      }
    }
  }
  return sums;
}
constexpr std::array<PointSum, kSums> kPointSums = make_sums();

}  // namespace

void stride2_backward_weights(const Conv2dDims& d, const float* src, const float* diff_dst,
                              float* diff_weights) {
  if (is_empty(d)) {
    std::fill_n(diff_weights, 9 * d.ic * d.oc, 0.0f);
    return;
  }
  const WinogradTiles tiles = stride2_tiles(d, kTile);
  const Stride2Order order(d, kTile, kOutputNeeds, false, false);
  const int64_t in_stride = tiles.point_stride(d.ic), out_stride = tiles.point_stride(d.oc);
  Stride2Patches inputs(src, d.ih, d.iw, d.ic), gradients(diff_dst, d.oh, d.ow, d.oc);
  const auto& kernel = kernels().stride2;
  const auto transform = [&](int64_t begin, int64_t end, float* in, float* out) {
    for (int64_t tile = begin; tile < end; ++tile, in += d.ic, out += d.oc) {
      const auto [image, y, x] = order.place(tile);
      kernel.input(d.ic, inputs.patch(image, 2 * y - d.pad_top, 2 * x - d.pad_left, kPatch), in,
                   in_stride);
      kernel.gradient(d.oc, gradients.patch(image, y, x, kTile), out, out_stride);
    }
  };
  TileGradients(d.ic, d.oc, kPointSums, in_stride, out_stride)
      .run(
          tiles, kInputs * kInputs, kOutputs * kOutputs, inputs.scratch() + gradients.scratch(),
          [&](Scratchpad& scratch) { inputs.use(scratch), gradients.use(scratch); }, transform,
          [&](int64_t point, int64_t first, int64_t count) {
            return order.needing(point, first, count);
          },
          kernel.weights_gradient, diff_weights);
}

}  // namespace cnnx
