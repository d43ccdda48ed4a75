#include "ops/conv2d_winograd.hpp"

#include <algorithm>

#include "gemm/pack.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/activation.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/partial_sums.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPoints = 36;               // of a transformed tile
constexpr int64_t kTile = 4, kPatch = 6;      // pixels of a tile of outputs and of what it sees
constexpr int64_t kBlockTiles = 36;           // their points stay in L2 from one step to the next
constexpr int64_t kGrain = int64_t{1} << 18;  // multiply-adds worth a thread

// Floats from one point to the next of `rows` rows of c channels. A power of two would put all 36
// points in the same sets of the cache.
int64_t point_stride(int64_t rows, int64_t c) { return Scratchpad::padded(rows * c) + 16; }

// The outputs of all images cut into tiles, and these into blocks.
class Tiles {
 public:
  explicit Tiles(const Conv2dDims& d)
      : rows_(ceil_div(d.oh, kTile)), cols_(ceil_div(d.ow, kTile)), count_(d.mb * rows_ * cols_) {}

  struct Place {
    int64_t image, y, x;  // of the first pixel
  };
  int64_t count() const { return count_; }
  Place place(int64_t tile) const {
    return {tile / (rows_ * cols_), tile / cols_ % rows_ * kTile, tile % cols_ * kTile};
  }
  int64_t blocks() const { return ceil_div(count_, kBlockTiles); }
  int64_t block_begin(int64_t block) const { return count_ * block / blocks(); }
  // The end of the row of tiles.
  int64_t row_end(int64_t tile) const { return tile - tile % cols_ + cols_; }

 private:
  int64_t rows_, cols_, count_;
};

// Images of h rows of w pixels of c floats, as patches.
class Patches {
 public:
  Patches(DiffDst images, int64_t h, int64_t w, int64_t c) : images_(images), h_(h), w_(w), c_(c) {}

  // Scratch for a row of zeros.
  int64_t scratch() const { return Scratchpad::padded(kPatch * c_); }
  void use(float* zeros) { zeros_ = std::fill_n(zeros, scratch(), 0.0f) - scratch(); }

  WinogradPatch at(int64_t image, int64_t y, int64_t x, int64_t size) const {
    WinogradPatch patch;
    patch.begin = std::clamp<int64_t>(-x, 0, size);
    patch.end = std::clamp<int64_t>(w_ - x, patch.begin, size);
    const bool pooled = images_.codes != nullptr;
    const int shift = pooled ? 1 : 0;
    patch.first_y = static_cast<int>(y & shift);
    patch.first_x = static_cast<int>(x & shift);
    const auto* const zero_codes = reinterpret_cast<const uint8_t*>(zeros_);
    for (int64_t i = 0; i < size; ++i) {
      const bool inside = y + i >= 0 && y + i < h_;
      const int64_t row = image * (h_ >> shift) + ((y + i) >> shift);
      const int64_t offset = (row * (w_ >> shift) + (x >> shift)) * c_;
      patch.rows[i] = inside ? images_.data + offset : zeros_;
      patch.codes[i] = !pooled ? nullptr : inside ? images_.codes + offset : zero_codes;
    }
    return patch;
  }

 private:
  DiffDst images_;
  int64_t h_, w_, c_;
  const float* zeros_ = nullptr;
};

// The points of the weights, packed for the micro-kernel. tap(t) is the matrix (ic, oc) of tap t.
class PackedWeights {
 public:
  PackedWeights(int64_t ic, int64_t oc)
      : tile_(tile_for<ConvTile>(kernels().conv, oc)),
        ic_(ic),
        oc_(oc),
        stride_(point_stride(ceil_div(oc, tile_.channels) * tile_.channels, ic)) {}

  int64_t scratch(int threads) const { return kPoints * stride_ + threads * taps_size(); }

  template <typename Tap>
  void pack(Tap tap, int threads, Scratchpad& scratch) {
    float* const points = scratch.take(kPoints * stride_);
    float* const taps = scratch.take(threads * taps_size());
    const int64_t pieces = ceil_div(ic_, kRows), blocks = ceil_div(oc_, tile_.channels);
    parallel_for(threads, blocks * pieces, [&](int64_t begin, int64_t end, int thread) {
      float* const packed = taps + thread * taps_size();
      for (int64_t i = begin; i < end; ++i) {
        const int64_t channel = i / pieces * tile_.channels, row = i % pieces * kRows;
        const int64_t rows = std::min(kRows, ic_ - row), size = rows * tile_.channels;
        for (int64_t t = 0; t < 9; ++t) {
          MatrixView view = tap(t);
          view.data += row * view.row_stride + channel * view.col_stride;
          pack_b(view, rows, std::min(tile_.channels, oc_ - channel), tile_.channels,
                 packed + t * size);
        }
        kernels().winograd.weights(size, packed, size,
                                   points + channel * ic_ + row * tile_.channels, stride_);
      }
    });
    points_ = points;
  }

  // dst (tiles, oc) = src (tiles, ic) times the weights, for all points.
  void multiply(int64_t tiles, const float* src, int64_t src_stride, float* dst,
                int64_t dst_stride) const {
    const int64_t first = 0;
    const ConvRuns run{1, ic_, &first};
    const int64_t pieces = ceil_div(tiles, tile_.pixels);
    for (int64_t point = 0; point < kPoints; ++point) {
      const float* const from = src + point * src_stride;
      float* const to = dst + point * dst_stride;
      for (int64_t c = 0; c < oc_; c += tile_.channels) {
        for (int64_t i = 0; i < pieces; ++i) {
          const int64_t begin = tiles * i / pieces, end = tiles * (i + 1) / pieces;
          tile_.microkernel(run, from + begin * ic_, ic_, points_ + point * stride_ + c * ic_,
                            nullptr, to + begin * oc_ + c, oc_, end - begin,
                            std::min(tile_.channels, oc_ - c), false);
        }
      }
    }
  }

 private:
  static constexpr int64_t kRows = 16;

  int64_t taps_size() const { return 9 * kRows * tile_.channels; }

  const ConvTile& tile_;
  int64_t ic_, oc_, stride_;
  const float* points_ = nullptr;
};

template <typename Tap>
void correlate(const Conv2dDims& d, DiffDst src, Tap tap, const float* bias,
               const Epilogue& epilogue, float* dst) {
  if (is_empty(d)) return;
  const Tiles tiles(d);
  Patches patches(src, d.ih, d.iw, d.ic);
  PackedWeights weights(d.ic, d.oc);
  const int64_t in_stride = point_stride(kBlockTiles, d.ic);
  const int64_t out_stride = point_stride(kBlockTiles, d.oc);
  const int64_t block_scratch = kPoints * (in_stride + out_stride);
  const int64_t work = tiles.count() * kPoints * d.ic * d.oc;
  const int threads = threads_for(tiles.blocks(), kGrain * tiles.blocks() / work);

  Scratchpad scratch(patches.scratch() + weights.scratch(threads) + block_scratch * threads);
  patches.use(scratch.take(patches.scratch()));
  weights.pack(tap, threads, scratch);
  float* const blocks = scratch.take(block_scratch * threads);

  const int64_t together = epilogue.pool ? 2 : 1;
  const int64_t dst_row = d.ow / together * d.oc;
  const auto& kernel = kernels().winograd;
  const auto output_kernel = epilogue.pool ? kernel.pooled_output : kernel.output;
  const auto activate = activation_kernel(epilogue.activation).forward;
  parallel_for(threads, tiles.blocks(), [&](int64_t first, int64_t last, int thread) {
    float* const inputs = blocks + thread * block_scratch;
    float* const outputs = inputs + kPoints * in_stride;
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = tiles.block_begin(block), end = tiles.block_begin(block + 1);
      for (int64_t tile = begin; tile < end; ++tile) {
        const auto [image, y, x] = tiles.place(tile);
        kernel.input(d.ic, patches.at(image, y - d.pad_top, x - d.pad_left, kPatch),
                     inputs + (tile - begin) * d.ic, in_stride);
      }
      weights.multiply(end - begin, inputs, in_stride, outputs, out_stride);
      // Tiles that lie side by side are activated together.
      for (int64_t tile = begin; tile < end;) {
        const auto [image, y, x] = tiles.place(tile);
        const int64_t beside = std::min(end, tiles.row_end(tile)) - tile;
        const int64_t rows = std::min(kTile, d.oh - y), cols = std::min(beside * kTile, d.ow - x);
        const int64_t to = (image * d.oh + y) / together * dst_row + x / together * d.oc;
        for (int64_t i = 0; i < beside; ++i, ++tile) {
          const int64_t offset = to + i * kTile / together * d.oc;
          output_kernel(
              d.oc, outputs + (tile - begin) * d.oc, out_stride, bias,
              {dst + offset, epilogue.codes == nullptr ? nullptr : epilogue.codes + offset, dst_row,
               rows / together, std::min(kTile, cols - i * kTile) / together});
        }
        if (epilogue.activation != Activation::linear) {
          for (int64_t row = 0; row < rows / together; ++row) {
            float* const out = dst + to + row * dst_row;
            activate(cols / together * d.oc, out, out);
          }
        }
      }
    }
  });
}

}  // namespace

bool has_winograd(const Conv2dDims& d) {
  return d.kh == 3 && d.kw == 3 && d.stride_h == 1 && d.stride_w == 1 && d.dilation_h == 1 &&
         d.dilation_w == 1 && d.groups == 1;
}

bool winograd_pays(const Conv2dDims& d) {
  constexpr int64_t kLeastChannels = 16, kLeastTiles = 96;
  return has_winograd(d) && d.ic >= kLeastChannels && d.oc >= kLeastChannels &&
         Tiles(d).count() >= kLeastTiles;
}

void winograd_forward(const Conv2dDims& d, const float* src, const float* weights,
                      const float* bias, const Epilogue& epilogue, float* dst) {
  correlate(
      d, {src},
      [&](int64_t tap) {
        return MatrixView{weights + (d.rotated ? 8 - tap : tap) * d.ic * d.oc, d.oc, 1};
      },
      bias, epilogue, dst);
}

void winograd_backward_data(const Conv2dDims& d, DiffDst diff_dst, const float* weights,
                            float* diff_src) {
  correlate(
      backward_dims(d), diff_dst,
      [&](int64_t tap) {
        return MatrixView{weights + (d.rotated ? tap : 8 - tap) * d.ic * d.oc, 1, d.oc};
      },
      nullptr, {}, diff_src);
}

void winograd_backward_weights(const Conv2dDims& d, const float* src, DiffDst diff_dst,
                               float* diff_weights) {
  const int64_t size = d.ic * d.oc;
  if (is_empty(d)) {
    std::fill_n(diff_weights, 9 * size, 0.0f);
    return;
  }
  const Tiles tiles(d);
  Patches inputs(DiffDst{src}, d.ih, d.iw, d.ic), gradients(diff_dst, d.oh, d.ow, d.oc);
  const auto& tile =
      tile_for<ConvWeightsTile>(std::span(kernels().conv_weights).first<kOneRunTiles>(), d.oc);
  const int64_t in_stride = point_stride(kBlockTiles, d.ic);
  const int64_t out_stride = point_stride(kBlockTiles, d.oc);
  const int64_t sum_stride = point_stride(d.ic, d.oc);
  const int64_t block_scratch = kPoints * (in_stride + out_stride);
  const PartialSums partial_sums(kPoints * sum_stride, tiles.blocks());
  const int64_t work = tiles.count() * kPoints * size;
  const int threads = threads_for(partial_sums.parts(), kGrain * partial_sums.parts() / work);

  Scratchpad scratch(inputs.scratch() + gradients.scratch() + block_scratch * threads +
                     kPoints * sum_stride + partial_sums.scratch());
  inputs.use(scratch.take(inputs.scratch()));
  gradients.use(scratch.take(gradients.scratch()));
  float* const blocks = scratch.take(block_scratch * threads);
  float* const total = scratch.take(kPoints * sum_stride);
  const auto& kernel = kernels().winograd;
  const auto add_block = [&](int64_t block, float* in, float* sums) {
    float* const out = in + kPoints * in_stride;
    const int64_t begin = tiles.block_begin(block), end = tiles.block_begin(block + 1);
    for (int64_t t = begin; t < end; ++t) {
      const auto [image, y, x] = tiles.place(t);
      kernel.input(d.ic, inputs.at(image, y - d.pad_top, x - d.pad_left, kPatch),
                   in + (t - begin) * d.ic, in_stride);
      kernel.gradient(d.oc, gradients.at(image, y, x, kTile), out + (t - begin) * d.oc, out_stride);
    }
    const ConvRows rows = {.images = 1,
                           .count = 1,
                           .pixels = end - begin,
                           .src_image_stride = 0,
                           .src_row_stride = 0,
                           .src_stride = d.ic,
                           .dst_row_stride = 0,
                           .dst_stride = d.oc};
    for (int64_t point = 0; point < kPoints; ++point) {
      for (int64_t i = 0; i < d.ic; i += tile.taps) {
        for (int64_t o = 0; o < d.oc; o += tile.channels) {
          const ConvTaps taps = {std::min(tile.taps, d.ic - i), 0, 0};
          tile.microkernel(rows, taps, in + point * in_stride + i, out + point * out_stride + o,
                           sums + point * sum_stride + i * d.oc + o, d.oc,
                           std::min(tile.channels, d.oc - o));
        }
      }
    }
  };
  partial_sums.add(threads, scratch, total,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     for (int64_t block = begin; block < end; ++block) {
                       add_block(block, blocks + thread * block_scratch, sums);
                     }
                   });
  constexpr int64_t kChunk = 256;
  const int64_t chunks = ceil_div(size, kChunk);
  parallel_for(threads_for(chunks, kElementwiseGrain / (kPoints * kChunk)), chunks,
               [&](int64_t begin, int64_t end, int) {
                 const int64_t at = begin * kChunk;
                 kernel.weights_gradient(std::min(end * kChunk, size) - at, total + at, sum_stride,
                                         diff_weights + at, size);
               });
}

}  // namespace cnnx
