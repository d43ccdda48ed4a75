#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/kernel_table.hpp"
#include "ops/conv_runs.hpp"
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
    const int64_t ocg = d.oc / d.groups;
    const bool side_by_side = d.groups == 1 && d.dilation_w == 1;
    RowCut best(tiles[0], d.ow, 1);
    int64_t least = best.cost(ocg, d.kw);
    for (const ConvTile& tile : tiles) {
      const int64_t fitting =
          adjacent && side_by_side && tile.channels == lanes() ? lanes() / ocg : 1;
      for (int64_t together = 1; together <= std::clamp<int64_t>(fitting, 1, d.ow); ++together) {
        const int64_t taps = d.kw + (together - 1) * d.stride_w;
        const bool stepwise = side_by_side && taps == tile.steps * together * d.stride_w;
        if (tile.steps > 1 && !stepwise) continue;
        const RowCut cut(tile, d.ow, together);
        const int64_t cost = cut.cost(together * ocg, taps);
        if (cost < least) best = cut, least = cost;
      }
    }
    return best;
  }

  const ConvTile& tile() const { return *tile_; }
  int64_t together() const { return together_; }
  int64_t tiles() const { return tiles_; }
  // Whether no tile begins before another ends.
  bool is_even() const { return width_ % together_ == 0; }
  int64_t vectors(int64_t t) const { return least_ + (t < larger_ ? 1 : 0); }
  int64_t x(int64_t t) const {
    const int64_t first = t * least_ + std::min(t, larger_);
    return std::min(first * together_, width_ - vectors(t) * together_);
  }

 private:
  static int64_t lanes() { return kernels().conv[kOneStepTiles - 1].channels; }

  // Of all channels and taps.
  int64_t cost(int64_t channels, int64_t taps) const {
    const int64_t wide = tile_->channels / lanes();
    int64_t sum = 0;
    for (int64_t t = 0; t < tiles_; ++t) {
      const int64_t loads = wide + ceil_div(vectors(t) + tile_->steps - 1, tile_->steps);
      sum += tile_time(vectors(t) * wide, loads);
    }
    return sum * ceil_div(channels, tile_->channels) * taps;
  }

  const ConvTile* tile_;
  int64_t width_, together_, tiles_;
  int64_t least_, larger_;  // vectors of a tile; so many tiles have one more
};

}  // namespace cnnx
