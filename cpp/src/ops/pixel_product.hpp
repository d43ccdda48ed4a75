#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cnnx/gemm.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/conv_runs.hpp"
#include "ops/strips.hpp"

namespace cnnx {

// The widest tile that the channels left fill, or the narrowest.
template <typename Tile, size_t Count>
const Tile& tile_for_rest(std::span<const Tile, Count> tiles, int64_t channels) {
  const Tile* best = &tiles.back();
  const int64_t whole = round_up(channels, best->channels);
  for (const Tile& tile : tiles) {
    if (tile.channels <= whole && tile.channels > best->channels) best = &tile;
  }
  return *best;
}

inline const ConvTile& product_tile(int64_t channels) {
  return tile_for_rest(std::span(kernels().conv).first<kOneStepTiles>(), channels);
}

// Packs columns [begin, end) of weights (ic, oc) tile by tile, each in ic rows of whole tiles.
void pack_product(MatrixView weights, int64_t ic, int64_t oc, int64_t begin, int64_t end,
                  float* packed);

// Products of pixels (pixels, ic) with packed columns of the weights, plus bias unless it is null,
// clipped to a range.
class PixelProduct {
 public:
  PixelProduct(int64_t ic, int64_t channels, const float* packed, const float* bias, Range range,
               Where dst)
      : ic_(ic), channels_(channels), packed_(packed), bias_(bias), range_(range), dst_(dst) {}

  // Tiles that so many pixels take, about.
  int64_t tiles(int64_t pixels) const {
    const ConvTile& tile = product_tile(channels_);
    return ceil_div(pixels, tile.pixels) * ceil_div(channels_, tile.channels);
  }

  // dst (pixels, channels), dst_stride floats from one to the next, and what lies at addend as it
  // does, unless that is null. Calls finish(begin, end) for
  // pixels that are made, while they are in the cache, and fetches ahead with every tile, of
  // weights a little at a time.
  template <typename Finish>
  void multiply(int64_t pixels, const float* src, float* dst, int64_t dst_stride,
                const float* addend, Ahead ahead, Later weights_ahead, const Finish& finish) const {
    const int64_t block = pixels_together(pixels);
    Pending pending = {weights_ahead, tiles(pixels)};
    for (int64_t begin = 0; begin < pixels; begin += block) {
      const int64_t end = std::min(begin + block, pixels);
      for (int64_t c = 0; c < channels_;) {
        const ConvTile& tile = product_tile(channels_ - c);
        make_column(tile, c, begin, end, pixels, src, dst, dst_stride, addend, ahead, pending);
        c += tile.channels;
      }
      finish(begin, end);
    }
  }

 private:
  // What tiles are to fetch, and how many are left to do so.
  struct Pending {
    Later later;
    int64_t tiles;
  };

  // Outputs that stay in L1 until they are finished, if the weights do so too.
  int64_t pixels_together(int64_t pixels) const {
    constexpr int64_t kTogether = 4096;
    if (ic_ * channels_ > kL1Floats) return pixels;
    const int64_t height = kernels().conv[0].pixels;
    return std::max<int64_t>(kTogether / (channels_ * height), 1) * height;
  }
  void make_column(const ConvTile& tile, int64_t channel, int64_t begin, int64_t end,
                   int64_t pixels, const float* src, float* dst, int64_t dst_stride,
                   const float* addend, Ahead& ahead, Pending& pending) const;

  int64_t ic_, channels_;
  const float *packed_, *bias_;
  Range range_;
  Where dst_;
};

}  // namespace cnnx
