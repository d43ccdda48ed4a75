#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_winograd.hpp"
#include "ops/tile_gradients.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPoints = WinogradTiles::kPoints;

constexpr auto kPointSums = one_to_one<kPoints>();

}  // namespace

void winograd_backward_weights(const Conv2dDims& d, const float* src, Images diff_dst,
                               float* diff_weights) {
  if (is_empty(d)) {
    std::fill_n(diff_weights, 9 * d.ic * d.oc, 0.0f);
    return;
  }
  const WinogradTiles tiles(d);
  const int64_t in_stride = tiles.point_stride(d.ic), out_stride = tiles.point_stride(d.oc);
  WinogradPatches inputs({src}, d.ih, d.iw, d.ic), gradients(diff_dst, d.oh, d.ow, d.oc);
  const auto transform = [&](int64_t begin, int64_t end, float* in, float* out) {
    for (int64_t tile = begin; tile < end; ++tile, in += d.ic, out += d.oc) {
      const auto [image, y, x] = tiles.place(tile);
      inputs.input(image, y - d.pad_top, x - d.pad_left, in, in_stride);
      gradients.gradient(image, y, x, out, out_stride);
    }
  };
  TileGradients(d.ic, d.oc, kPointSums, in_stride, out_stride)
      .run(
          tiles, kPoints, kPoints, inputs.scratch() + gradients.scratch(),
          [&](Scratchpad& scratch) { inputs.use(scratch), gradients.use(scratch); }, transform,
          [](int64_t, int64_t, int64_t count) { return TileRange{0, count}; },
          kernels().winograd.weights_gradient, diff_weights);
}

}  // namespace cnnx
