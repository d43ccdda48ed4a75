#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cnnx/conv2d.hpp"
#include "runtime/rounding.hpp"

namespace cnnx {

inline bool is_empty(const Conv2dDims& d) { return d.mb * d.oh * d.ow * d.oc == 0; }

// With stride 1 the gradient of the input is a correlation too: diff_dst in the place of src.
inline Conv2dDims backward_dims(const Conv2dDims& d) {
  Conv2dDims back = d;
  back.ih = d.oh, back.iw = d.ow, back.ic = d.oc;
  back.oh = d.ih, back.ow = d.iw, back.oc = d.ic;
  back.pad_top = d.dilation_h * (d.kh - 1) - d.pad_top;
  back.pad_left = d.dilation_w * (d.kw - 1) - d.pad_left;
  return back;
}

// The register tile that wastes the fewest lanes, the widest of equals.
template <typename Tile>
const Tile& tile_for(std::span<const Tile> tiles, int64_t channels) {
  return *std::min_element(tiles.begin(), tiles.end(), [=](const Tile& a, const Tile& b) {
    return ceil_div(channels, a.channels) * a.channels <
           ceil_div(channels, b.channels) * b.channels;
  });
}

}  // namespace cnnx
