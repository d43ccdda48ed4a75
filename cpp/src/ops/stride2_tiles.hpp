#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/winograd_table.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

constexpr int64_t kManyStride2Weights = 256 * 256;

// A 3x3 kernel of stride 2 has fewer points than one of stride 1: a thread takes more tiles at
// once.
inline WinogradTiles stride2_tiles(const Conv2dDims& d, int64_t tile) {
  return {d, tile, 72, kManyStride2Weights};
}

// The tiles of all images in the order in which they are taken, so that those that need a point
// follow each other: those in the corner of an image of which some rows and columns lie outside it,
// those at the bottom, whole ones, those at the right.
class Stride2Order {
 public:
  // The points of a tile along one axis, and which of the tile's outputs need each, as bits.
  struct Needs {
    int64_t points;
    int64_t outputs[5];
  };

  Stride2Order(const Conv2dDims& d, int64_t tile, const Needs& needs, bool y_mirrored,
               bool x_mirrored)
      : tile_(tile),
        rows_(d.oh / tile),
        cols_(d.ow / tile),
        bottom_(d.oh % tile > 0 && d.ow % tile > 0 ? d.mb : 0),
        whole_(bottom_ + (d.oh % tile > 0 ? d.mb * cols_ : 0)),
        right_(whole_ + d.mb * rows_ * cols_) {
    const int64_t end = right_ + (d.ow % tile > 0 ? d.mb * rows_ : 0);
    const int64_t rest_y = first_outputs(d.oh % tile, y_mirrored);
    const int64_t rest_x = first_outputs(d.ow % tile, x_mirrored);
    for (int64_t point = 0; point < needs.points * needs.points; ++point) {
      const bool bottom = (needs.outputs[point / needs.points] & rest_y) > 0;
      const bool right = (needs.outputs[point % needs.points] & rest_x) > 0;
      needing_[point] = {bottom && right ? 0 : bottom ? bottom_ : whole_, right ? end : right_};
    }
  }

  WinogradTiles::Place place(int64_t tile) const {
    if (tile < bottom_) return {tile, rows_ * tile_, cols_ * tile_};
    if (tile < whole_) return at(tile - bottom_, 1, cols_, rows_, 0);
    if (tile < right_) return at(tile - whole_, rows_, cols_, 0, 0);
    return at(tile - right_, rows_, 1, 0, cols_);
  }
  // The end of the tiles that lie beside a tile.
  int64_t row_end(int64_t tile) const {
    if (tile < bottom_ || tile >= right_) return tile + 1;
    const int64_t first = tile < whole_ ? bottom_ : whole_;
    return tile + cols_ - (tile - first) % cols_;
  }

  // The tiles that need a point; of some, counted from the first of these.
  TileRange needing(int64_t point) const { return needing_[point]; }
  TileRange needing(int64_t point, int64_t first, int64_t count) const {
    const auto [begin, end] = needing_[point];
    const int64_t from = std::clamp<int64_t>(begin - first, 0, count);
    return {from, std::clamp<int64_t>(end - first, from, count)};
  }

 private:
  // The bits of the first outputs of a tile, in the order of the image.
  int64_t first_outputs(int64_t outputs, bool mirrored) const {
    const int64_t bits = (int64_t{1} << outputs) - 1;
    return mirrored ? bits << (tile_ - outputs) : bits;
  }
  WinogradTiles::Place at(int64_t i, int64_t rows, int64_t cols, int64_t y, int64_t x) const {
    return {i / (rows * cols), (y + i / cols % rows) * tile_, (x + i % cols) * tile_};
  }

  int64_t tile_, rows_, cols_;
  int64_t bottom_, whole_, right_;  // where these tiles begin
  TileRange needing_[25];
};

// Points 0 and 1 of 2x2 outputs make output 0, points 1 and 2 output 1.
constexpr Stride2Order::Needs kOutputNeeds = {3, {0b01, 0b11, 0b10}};

// Images of h rows of w pixels of c floats, seen in square patches of at most 5x5 pixels, in their
// order or against it.
class Stride2Patches {
 public:
  Stride2Patches(const float* images, int64_t h, int64_t w, int64_t c)
      : images_(images), h_(h), w_(w), c_(c) {}

  // Scratch for pixels outside the image.
  int64_t scratch() const { return Scratchpad::padded(kMost * c_); }
  void use(Scratchpad& scratchpad) {
    float* const zeros = scratchpad.take(scratch());
    std::fill_n(zeros, scratch(), 0.0f);
    zeros_ = zeros;
  }

  // size x size pixels from pixel (y, x) on, which may lie outside the image.
  Stride2Patch patch(int64_t image, int64_t y, int64_t x, int64_t size, bool y_mirrored = false,
                     bool x_mirrored = false) const {
    Stride2Patch patch;
    const int64_t first = x_mirrored ? (size - 1) * c_ : 0;
    for (int64_t i = 0; i < size; ++i) {
      const int64_t row = y_mirrored ? y + size - 1 - i : y + i;
      const bool inside = row >= 0 && row < h_;
      patch.rows[i] = (inside ? images_ + ((image * h_ + row) * w_ + x) * c_ : zeros_) + first;
    }
    patch.pixel_stride = x_mirrored ? -c_ : c_;
    const int64_t begin = std::clamp<int64_t>(-x, 0, size);
    const int64_t end = std::clamp<int64_t>(w_ - x, begin, size);
    patch.begin = x_mirrored ? size - end : begin;
    patch.end = x_mirrored ? size - begin : end;
    return patch;
  }

 private:
  static constexpr int64_t kMost = 5;

  const float* images_;
  int64_t h_, w_, c_;
  const float* zeros_ = nullptr;
};

}  // namespace cnnx
