#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/conv2d.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// The outputs of all images cut into square tiles, transformed and multiplied block by block.
class WinogradTiles {
 public:
  static constexpr int64_t kPoints = 36;  // of a transformed tile
  static constexpr int64_t kTile = 4;     // its outputs in a row
  static constexpr int64_t kPatch = 6;    // and the inputs that they see

  explicit WinogradTiles(const Conv2dDims& d)
      : WinogradTiles(d, kTile, own_tiles(d), kManyWeights) {}
  // Of tile x tile outputs; a thread takes `own` of them at once, unless there are many weights.
  WinogradTiles(const Conv2dDims& d, int64_t tile, int64_t own, int64_t many_weights)
      : tile_(tile),
        rows_(ceil_div(d.oh, tile)),
        cols_(ceil_div(d.ow, tile)),
        count_(d.mb * rows_ * cols_),
        shared_(d.ic * d.oc >= many_weights),
        blocks_(ceil_div(count_, shared_ ? kSharedTiles : own)) {
    // A few blocks are shared out evenly.
    if (!shared_ && count_ >= kTwoBlocks) {
      blocks_ = round_up(blocks_, blocks_ > kShares ? kShares : 2);
    }
  }

  struct Place {
    int64_t image, y, x;  // of the first pixel
  };
  int64_t count() const { return count_; }
  Place place(int64_t tile) const {
    return {tile / (rows_ * cols_), tile / cols_ % rows_ * tile_, tile % cols_ * tile_};
  }
  // The end of a tile's row of tiles.
  int64_t row_end(int64_t tile) const { return tile - tile % cols_ + cols_; }

  // With few weights, a thread takes a block whose points stay in its L2 from one step to the next.
  // The points of many weights would push them out: all threads share a larger block, step by step,
  // and each uses the weights of some points for all of its tiles.
  bool shared() const { return shared_; }
  // So few tiles meet many weights that these, or their gradients, are transformed a few channels
  // at a time, next to their only use: they would leave the cache before.
  bool few() const { return shared_ && count_ <= kFewTiles; }
  int64_t blocks() const { return blocks_; }
  int64_t block_begin(int64_t block) const { return count_ * block / blocks_; }

  // Floats from one point to the next for a block's tiles of c channels.
  int64_t point_stride(int64_t c) const {
    return point_stride(std::max<int64_t>(ceil_div(count_, blocks_), 1), c);
  }
  // The same for any matrix. A power of two would put all points into the same sets of the cache.
  static int64_t point_stride(int64_t rows, int64_t c) { return Scratchpad::padded(rows * c) + 16; }

 private:
  static constexpr int64_t kManyWeights = 128 * 128;
  static constexpr int64_t kSharedTiles = 144, kFewTiles = 64;
  static constexpr int64_t kShares = 4, kTwoBlocks = 16;

  // More tiles of few channels fit in L2.
  static int64_t own_tiles(const Conv2dDims& d) {
    constexpr int64_t kLeast = 48, kChannels = 2048;  // of all tiles, in and out
    return std::max(kLeast, kChannels / (d.ic + d.oc));
  }

  int64_t tile_, rows_, cols_, count_;
  bool shared_;
  int64_t blocks_;
};

// Some tiles, counted from the first of a block.
struct TileRange {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

// Tiles of a block that all threads make together, step by step.
struct SharedBlock {
  int threads;
  int64_t first, count;  // tiles

  // step(begin, end, place) for all tiles; the first of them is the place-th of the block.
  template <typename Step>
  void for_tiles(const Step& step) const {
    parallel_for(threads, count,
                 [&](int64_t begin, int64_t end, int) { step(first + begin, first + end, begin); });
  }
};
template <typename Make>
void for_each_shared_block(const WinogradTiles& tiles, int threads, const Make& make) {
  for (int64_t block = 0; block < tiles.blocks(); ++block) {
    check_interruption();
    const int64_t first = tiles.block_begin(block);
    make(SharedBlock{threads, first, tiles.block_begin(block + 1) - first});
  }
}
// Each thread makes blocks of its own, as make(begin, end, scratch) of their tiles.
template <typename Make>
void for_each_own_block(const WinogradTiles& tiles, int threads, int64_t pieces,
                        const Scratchpad& scratch, const Make& make) {
  parallel_for_pieces(threads, tiles.blocks(), pieces, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t block = begin; block < end; ++block) {
      make(tiles.block_begin(block), tiles.block_begin(block + 1), scratch.of_thread(thread));
    }
  });
}

// Images of h rows of w pixels of c floats, seen in patches whose points are taken.
class WinogradPatches {
 public:
  WinogradPatches(Images images, int64_t h, int64_t w, int64_t c)
      : images_(images), h_(h), w_(w), c_(c) {}

  // Scratch for pixels outside the image.
  int64_t scratch() const { return Scratchpad::padded(WinogradTiles::kPatch * c_); }
  void use(Scratchpad& scratchpad) {
    float* const zeros = scratchpad.take(scratch());
    std::fill_n(zeros, scratch(), 0.0f);
    zeros_ = zeros;
  }

  // The points of what a tile sees, from pixel (y, x) on, which may lie outside the image.
  void input(int64_t image, int64_t y, int64_t x, float* points, int64_t stride) const {
    const auto& kernel = kernels().winograd;
    if (images_.codes == nullptr) {
      kernel.input(c_, patch(image, y, x, WinogradTiles::kPatch), points, stride);
    } else {
      kernel.pooled_input(c_, windows(image, y, x, WinogradTiles::kPatch), points, stride);
    }
  }
  // The points of the gradient of a tile.
  void gradient(int64_t image, int64_t y, int64_t x, float* points, int64_t stride) const {
    const auto& kernel = kernels().winograd;
    if (images_.codes == nullptr) {
      kernel.gradient(c_, patch(image, y, x, WinogradTiles::kTile), points, stride);
    } else {
      kernel.pooled_gradient(c_, windows(image, y, x, WinogradTiles::kTile), points, stride);
    }
  }

 private:
  WinogradPatch patch(int64_t image, int64_t y, int64_t x, int64_t size) const {
    WinogradPatch patch;
    patch.begin = std::clamp<int64_t>(-x, 0, size);
    patch.end = std::clamp<int64_t>(w_ - x, patch.begin, size);
    for (int64_t i = 0; i < size; ++i) {
      const bool inside = y + i >= 0 && y + i < h_;
      patch.rows[i] = inside ? images_.data + ((image * h_ + y + i) * w_ + x) * c_ : zeros_;
    }
    return patch;
  }

  WinogradWindows windows(int64_t image, int64_t y, int64_t x, int64_t size) const {
    WinogradWindows windows;
    const int64_t h = h_ / 2, w = w_ / 2, top = y >> 1, left = x >> 1;
    windows.first_y = static_cast<int>(y & 1);
    windows.first_x = static_cast<int>(x & 1);
    for (int64_t i = 0; i <= size / 2; ++i) {
      for (int64_t j = 0; j <= size / 2; ++j) {
        const bool inside = top + i >= 0 && top + i < h && left + j >= 0 && left + j < w;
        const int64_t offset = ((image * h + top + i) * w + left + j) * c_;
        windows.data[i * 4 + j] = inside ? images_.data + offset : zeros_;
        windows.codes[i * 4 + j] =
            inside ? images_.codes + offset : reinterpret_cast<const uint8_t*>(zeros_);
      }
    }
    return windows;
  }

  Images images_;
  int64_t h_, w_, c_;
  const float* zeros_ = nullptr;
};

constexpr int64_t kWinogradGrain = int64_t{1} << 17;  // multiply-adds worth a thread

}  // namespace cnnx
