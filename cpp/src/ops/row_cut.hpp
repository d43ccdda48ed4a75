#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/kernel_table.hpp"
#include "ops/strips.hpp"

namespace cnnx {

// A row of output pixels cut into register tiles of nearly equal size. A vector of one tile holds a
// pixel's channels, or those of `together` adjacent pixels if they are few: contiguous floats too.
// Such pixels see each other's taps with weights of 0, and so each other's NaNs. Tiles cover whole
// vectors, so the last one may begin before the last but one ends.
class RowCut {
 public:
  RowCut(const ConvTile& tile, int64_t width, int64_t together)
      : tile_(&tile), width_(width), together_(together) {
    const int64_t vectors = ceil_div(width, together);
    tiles_ = ceil_div(vectors, tile.pixels);
    if (tiles_ == 1 && width % together != 0) tiles_ = 2;
    least_ = vectors / tiles_;
    larger_ = vectors % tiles_;
  }

  // The cut that takes the least time. Pixels share a vector if they are adjacent and their taps
  // lie side by side.
  static RowCut best(const Conv2dDims& d, bool adjacent) {
    const auto& tiles = kernels().conv;
    const ConvTile& narrowest = tiles[std::size(tiles) - 1];
    const int64_t ocg = d.oc / d.groups;
    RowCut best(tiles[0], d.ow, 1);
    int64_t least = best.cost(ocg, d.kw);
    const auto consider = [&](const ConvTile& tile, int64_t together) {
      const RowCut cut(tile, d.ow, together);
      const int64_t cost = cut.cost(together * ocg, d.kw + (together - 1) * d.stride_w);
      if (cost < least) best = cut, least = cost;
    };
    for (const ConvTile& tile : tiles) consider(tile, 1);
    if (adjacent && d.groups == 1 && d.dilation_w == 1) {
      for (int64_t p = 2; p <= std::min(narrowest.channels / ocg, d.ow); ++p)
        consider(narrowest, p);
    }
    return best;
  }

  const ConvTile& tile() const { return *tile_; }
  int64_t together() const { return together_; }
  int64_t tiles() const { return tiles_; }
  int64_t vectors(int64_t t) const { return least_ + (t < larger_ ? 1 : 0); }
  int64_t x(int64_t t) const {
    const int64_t first = t * least_ + std::min(t, larger_);
    return std::min(first * together_, width_ - vectors(t) * together_);
  }

 private:
  // Of all channels, in floats multiplied for each tap: a few accumulators take as long as those
  // that hide the latency of their sums.
  int64_t cost(int64_t channels, int64_t taps) const {
    constexpr int64_t kChains = 8;
    const auto& tiles = kernels().conv;
    const int64_t lanes = tiles[std::size(tiles) - 1].channels;
    int64_t sum = 0;
    for (int64_t t = 0; t < tiles_; ++t) {
      sum += std::max(vectors(t) * tile_->channels, kChains * lanes);
    }
    return sum * ceil_div(channels, tile_->channels) * taps;
  }

  const ConvTile* tile_;
  int64_t width_, together_, tiles_;
  int64_t least_, larger_;  // vectors of a tile; so many tiles have one more
};

}  // namespace cnnx
