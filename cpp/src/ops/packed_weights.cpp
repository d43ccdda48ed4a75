// The gradient of the weights where channels are many. Pixels of many channels lie so far apart
// that they would drive each other out of L1, so that a strip is packed first: src in groups of a
// few channels, diff_dst in the blocks of a register tile.
#include <algorithm>
#include <cstring>

#include "kernels/kernel_table.hpp"
#include "ops/correlation.hpp"
#include "ops/partial_sums.hpp"
#include "ops/strip_gradients.hpp"
#include "ops/strips.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kL1Floats = 8192;  // 32 KiB of gradients, read again for every tap

void copy_floats(int64_t n, const float* from, float* to) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) std::memcpy(to + i, from + i, 4 * sizeof(float));
  for (; i < n; ++i) to[i] = from[i];
}

// A few channels of pixels, side by side: four at a time of all pixels.
void pack_channels(int64_t pixels, int64_t channels, const float* src, int64_t src_stride,
                   float* packed) {
  for (int64_t c = 0; c < channels; c += 4) {
    const int64_t few = std::min<int64_t>(channels - c, 4);
    for (int64_t x = 0; x < pixels; ++x) {
      copy_floats(few, src + x * src_stride + c, packed + x * channels + c);
    }
  }
}

// A range cut into parts of nearly equal size.
struct Cut {
  Cut(int64_t size, int64_t most) : size(size), parts(ceil_div(size, most)) {}
  int64_t begin(int64_t part) const { return size * part / parts; }
  int64_t length(int64_t part) const { return begin(part + 1) - begin(part); }

  int64_t size, parts;
};

// Takes all taps of a kernel row at once if there is one for their number and pixels share them.
const ConvWeightsTile& tile_for(const Conv2dDims& d) {
  const auto& tiles = kernels().conv_weights;
  if (d.dilation_w != d.stride_w) return tiles[0];
  const auto* const tile = std::find_if(std::begin(tiles), std::end(tiles), [&](const auto& t) {
    return t.runs == 1 && t.steps == d.kw && t.steps <= d.ow;
  });
  return tile == std::end(tiles) ? tiles[0] : *tile;
}

}  // namespace

void packed_backward_weights(const Conv2dDims& dims, const float* src, DiffDst diff_dst,
                             float* diff_weights) {
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  const Strips strips(dims, {src}, 1);
  const StripGradients gradients(dims, diff_dst, strips);
  const ConvWeightsTile& tile = tile_for(dims);
  const Cut blocks(ocg, tile.channels), channels(icg, tile.taps);
  const int64_t width = strips.width(), size = dims.kh * dims.kw * icg * dims.oc;
  const PartialSums partial_sums(size, strips.count());
  const int threads = threads_for(partial_sums.parts(), kConvGrain * partial_sums.parts() /
                                                            (dims.mb * dims.oh * dims.ow * size));

  // A thread's scratch: a row of src, the groups of channels of src, un-pooled gradients, blocks.
  const int64_t input_pixels =
      strips.most_images() * strips.input_rows(strips.most_rows() / strips.most_images()) * width;
  const int64_t output_pixels = strips.most_rows() * dims.ow;
  const int64_t row = Scratchpad::padded(width * dims.ic);
  const int64_t packed_src = Scratchpad::padded(input_pixels * dims.ic);
  const int64_t packed_dst = Scratchpad::padded(output_pixels * dims.oc);
  const int64_t own = row + packed_src + gradients.scratch() + packed_dst;
  Scratchpad scratch(partial_sums.scratch() + own * threads);
  float* const copies = scratch.take(own * threads);

  const auto add_strip = [&](int64_t strip, float* copy, float* sums) {
    float* const x = copy + row;
    float* const dy = x + packed_src + gradients.scratch();
    const int64_t images = strips.images(strip), rows = strips.rows(strip);
    const int64_t seen = images * strips.input_rows(rows) * width, made = images * rows * dims.ow;
    strips.for_each_input_row(strip, copy, [&](int64_t y, const float* pixels) {
      for (int64_t g = 0; g < dims.groups; ++g) {
        for (int64_t i = 0; i < channels.parts; ++i) {
          const int64_t c = g * icg + channels.begin(i), count = channels.length(i);
          pack_channels(width, count, pixels + c, dims.ic, x + c * seen + y * width * count);
        }
      }
    });
    const float* const gradient = gradients.of(strip, x + packed_src);
    for (int64_t y = 0; y < images * rows; ++y) {
      for (int64_t g = 0; g < dims.groups; ++g) {
        for (int64_t b = 0; b < blocks.parts; ++b) {
          const int64_t c = g * ocg + b * tile.channels;
          const int64_t cols = std::min(tile.channels, (g + 1) * ocg - c);
          float* const block = dy + c * made + y * dims.ow * cols;
          for (int64_t i = 0; i < dims.ow; ++i) {
            copy_floats(cols, gradient + (y * dims.ow + i) * dims.oc + c, block + i * cols);
          }
        }
      }
    }

    const Pieces pieces(images, rows, kL1Floats / (dims.ow * tile.channels));
    const int64_t steps = pieces.count() * dims.groups * blocks.parts * channels.parts * dims.kh *
                          dims.kw / tile.steps;
    Ahead src_ahead = strips.ahead(strip, steps), dst_ahead = gradients.ahead(strip, steps);
    const auto add_piece = [&](const Piece& piece, int64_t g, int64_t b, int64_t i) {
      const int64_t o = g * ocg + b * tile.channels;
      const int64_t cols = std::min(tile.channels, (g + 1) * ocg - o);
      const int64_t c = channels.begin(i), few = channels.length(i);
      const ConvRows window = {.images = piece.images,
                               .count = piece.rows,
                               .pixels = dims.ow,
                               .src_image_stride = strips.input_rows(rows) * width * few,
                               .src_row_stride = dims.stride_h * width * few,
                               .src_stride = dims.stride_w * few,
                               .dst_row_stride = dims.ow * cols,
                               .dst_stride = cols};
      const ConvTaps taps = {.taps = few, .run_stride = 0, .run_taps = 0, .step_taps = icg};
      const float* const group = x + (g * icg + c) * seen + piece.image * window.src_image_stride +
                                 piece.row * window.src_row_stride;
      const float* const block =
          dy + o * made + (piece.image * rows + piece.row) * window.dst_row_stride;
      for (int64_t t = 0; t < dims.kh * dims.kw; t += tile.steps) {
        const int64_t ky = t / dims.kw * dims.dilation_h, kx = t % dims.kw * dims.dilation_w;
        src_ahead.step(), dst_ahead.step();
        tile.microkernel(window, taps, group + (ky * width + kx) * few, block,
                         sums + (t * icg + c) * dims.oc + o, dims.oc, cols);
      }
    };
    for (int64_t p = 0; p < pieces.count(); ++p) {
      for (int64_t g = 0; g < dims.groups; ++g) {
        for (int64_t b = 0; b < blocks.parts; ++b) {
          for (int64_t i = 0; i < channels.parts; ++i) add_piece(pieces[p], g, b, i);
        }
      }
    }
  };
  partial_sums.add(threads, scratch, diff_weights,
                   [&](int64_t begin, int64_t end, float* sums, int thread) {
                     for (int64_t strip = begin; strip < end; ++strip) {
                       add_strip(strip, copies + thread * own, sums);
                     }
                   });
}

}  // namespace cnnx
