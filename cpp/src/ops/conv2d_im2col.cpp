// The patches of a chunk of output pixels, few enough for L2, times the weights.
#include "ops/conv2d_im2col.hpp"

#include <algorithm>

#include "cnnx/im2col.hpp"
#include "gemm/sgemm.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/epilogue.hpp"
#include "ops/image_rows.hpp"
#include "ops/partial_sums.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kChunkFloats = int64_t{1} << 17;  // 512 KiB of patches a thread, or one patch
constexpr int64_t kChunks = 32;                     // enough to share out evenly
constexpr int64_t kLeastPixels = 64;                // enough to be worth a GEMM
constexpr int64_t kGrain = int64_t{1} << 20;        // multiply-adds worth a thread

// What the three passes share: one group's patch length and output channels, and the chunks.
struct Patches {
  explicit Patches(const Conv2dDims& dims)
      : k(dims.kh * dims.kw * (dims.ic / dims.groups)),
        oc(dims.oc / dims.groups),
        pixels(dims.mb * dims.oh * dims.ow),
        chunk(std::clamp<int64_t>(kChunkFloats / std::max<int64_t>(k, 1), 1,
                                  std::max<int64_t>(pixels / kChunks, kLeastPixels))) {}

  int64_t k, oc, pixels, chunk;

  // Threads for `count` items that all pixels of all groups fall into.
  int threads(const Conv2dDims& dims, int64_t count) const {
    return threads_for_work(count, pixels * k * dims.oc, kGrain);
  }
};

// A true convolution is the correlation with the kernel rotated by 180 degrees, which reverses the
// order of its taps. The three passes below see correlations alone.
int64_t tap_floats(const Conv2dDims& d) { return d.ic / d.groups * d.oc; }

// Scratch that correlation_weights takes.
int64_t rotation_scratch(const Conv2dDims& d) {
  return d.rotated ? Scratchpad::padded(d.kh * d.kw * tap_floats(d)) : 0;
}

const float* correlation_weights(const Conv2dDims& d, const float* weights, Scratchpad& scratch) {
  if (!d.rotated) return weights;
  const int64_t taps = d.kh * d.kw, floats = tap_floats(d);
  float* const rotated = scratch.take(taps * floats);
  for (int64_t tap = 0; tap < taps; ++tap) {
    std::copy_n(weights + tap * floats, floats, rotated + (taps - 1 - tap) * floats);
  }
  return rotated;
}

// The weights of one group as a (k, oc) matrix.
MatrixView group_weights(const Conv2dDims& dims, const Patches& patches, const float* weights,
                         int64_t group) {
  return {weights + group * patches.oc, dims.oc, 1};
}

// A 1x1 convolution of every pixel in place: src is its own patch matrix.
bool is_pointwise(const Conv2dDims& d) {
  return d.kh == 1 && d.kw == 1 && d.stride_h == 1 && d.stride_w == 1 && d.pad_top == 0 &&
         d.pad_left == 0 && d.oh == d.ih && d.ow == d.iw;
}

// The patches [begin, end) of one group as a matrix, in col or in src itself.
MatrixView patch_matrix(const Conv2dDims& dims, const Patches& patches, int64_t group,
                        const float* src, int64_t begin, int64_t end, float* col) {
  if (is_pointwise(dims)) return {src + begin * dims.ic + group * patches.k, dims.ic, 1};
  im2col(dims, group, src, begin, end, col);
  return {col, patches.k, 1};
}

// Contiguous pixels = bias (c), or 0 without one.
void fill_pixels(int64_t pixels, int64_t c, const float* bias, float* out) {
  if (bias == nullptr) {
    std::fill_n(out, pixels * c, 0.0f);
    return;
  }
  for (int64_t i = 0; i < pixels; ++i) out = std::copy_n(bias, c, out);
}

// The gradients of a chunk of output pixels: where they lie, or un-pooled to a thread's scratch.
class PixelGradients {
 public:
  PixelGradients(const Conv2dDims& d, Images diff_dst)
      : oh_(d.oh), ow_(d.ow), oc_(d.oc), rows_(diff_dst, d.oh, d.ow, d.oc) {}

  int64_t scratch(int64_t pixels) const {
    return rows_.in_memory() ? 0 : Scratchpad::padded(pixels * oc_);
  }
  const float* of(int64_t begin, int64_t end, float* unpooled) const {
    if (rows_.in_memory()) return rows_.at(0, 0, begin);
    float* out = unpooled;
    for (int64_t pixel = begin; pixel < end;) {
      const int64_t y = pixel / ow_, x = pixel % ow_;
      const int64_t pixels = std::min(ow_ - x, end - pixel);
      rows_.copy(y / oh_, y % oh_, x, pixels, out);
      pixel += pixels, out += pixels * oc_;
    }
    return unpooled;
  }

 private:
  int64_t oh_, ow_, oc_;
  ImageRows rows_;
};

}  // namespace

void im2col_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst) {
  const Patches patches(dims);
  const GemmTile& tile = gemm_tile_for(patches.oc);
  const bool pooled = epilogue.pool != Pooling::none;
  // Pixels that are finished together: rows of windows if they are pooled.
  const int64_t together =
      pooled ? std::max<int64_t>(window_rows(epilogue.pool) * dims.ow, 1) : patches.chunk;
  const int64_t items = ceil_div(patches.pixels, together);
  const int threads = patches.threads(dims, items);

  const int64_t packed = Scratchpad::padded(packed_b_size(tile, patches.oc, patches.k));
  const int64_t col = Scratchpad::padded(patches.chunk * patches.k);
  const int64_t unpooled = pooled ? Scratchpad::padded(together * dims.oc) : 0;
  Scratchpad scratch(rotation_scratch(dims) + packed * dims.groups, threads, col + unpooled);
  weights = correlation_weights(dims, weights, scratch);
  float* packed_weights = scratch.take(packed * dims.groups);

  for (int64_t g = 0; g < dims.groups; ++g) {
    pack_whole_b(tile, group_weights(dims, patches, weights, g), patches.oc, patches.k,
                 packed_weights + g * packed);
  }
  // out = the outputs of pixels [first, last)
  const auto multiply = [&](int64_t first, int64_t last, float* my_col, float* out) {
    for (int64_t begin = first; begin < last; begin += patches.chunk) {
      const int64_t end = std::min(begin + patches.chunk, last);
      for (int64_t g = 0; g < dims.groups; ++g) {
        gemm_serial(tile, end - begin, patches.oc, patches.k,
                    patch_matrix(dims, patches, g, src, begin, end, my_col), {},
                    packed_weights + g * packed, bias == nullptr ? nullptr : bias + g * patches.oc,
                    out + (begin - first) * dims.oc + g * patches.oc, dims.oc, false, nullptr);
      }
    }
  };
  parallel_for_pieces(threads, items, items, [&](int64_t begin, int64_t end, int thread) {
    float* const my_col = scratch.of_thread(thread);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item * together, last = std::min(first + together, patches.pixels);
      if (pooled) {
        const int64_t windows = dims.ow / 2, place = item * windows * dims.oc;
        multiply(first, last, my_col, my_col + col);
        pool_rows(epilogue, 1, windows, dims.oc, my_col + col, place, dst);
      } else {
        multiply(first, last, my_col, dst + first * dims.oc);
        finish(epilogue, (last - first) * dims.oc, first * dims.oc, dst);
      }
    }
  });
}

void im2col_backward_data(const Conv2dDims& dims, Images diff_dst, const float* weights,
                          const float* bias, const Epilogue& epilogue, float* diff_src) {
  const Patches patches(dims);
  const PixelGradients gradients(dims, diff_dst);
  const GemmTile& tile = gemm_tile_for(patches.k);
  const int64_t image_pixels = dims.oh * dims.ow, image_floats = dims.ih * dims.iw * dims.ic;
  // Patches overlap, so an image is one thread's: its sums have one order.
  const int threads = patches.threads(dims, dims.mb);

  const int64_t chunk = std::min(patches.chunk, std::max<int64_t>(image_pixels, 1));
  const int64_t packed = Scratchpad::padded(packed_b_size(tile, patches.k, patches.oc));
  const int64_t col = Scratchpad::padded(chunk * patches.k);
  Scratchpad scratch(rotation_scratch(dims) + packed * dims.groups, threads,
                     col + gradients.scratch(chunk));
  weights = correlation_weights(dims, weights, scratch);
  float* packed_weights = scratch.take(packed * dims.groups);

  for (int64_t g = 0; g < dims.groups; ++g) {
    const MatrixView w = group_weights(dims, patches, weights, g);
    pack_whole_b(tile, {w.data, w.col_stride, w.row_stride}, patches.k, patches.oc,
                 packed_weights + g * packed);
  }
  parallel_for(threads, dims.mb, [&](int64_t first, int64_t last, int thread) {
    float* const my_col = scratch.of_thread(thread);
    for (int64_t n = first; n < last; ++n) {
      fill_pixels(dims.ih * dims.iw, dims.ic, bias, diff_src + n * image_floats);
      for (int64_t begin = n * image_pixels; begin < (n + 1) * image_pixels; begin += chunk) {
        const int64_t end = std::min(begin + chunk, (n + 1) * image_pixels);
        const float* const dy = gradients.of(begin, end, my_col + col);
        for (int64_t g = 0; g < dims.groups; ++g) {
          gemm_serial(tile, end - begin, patches.k, patches.oc, {dy + g * patches.oc, dims.oc, 1},
                      {}, packed_weights + g * packed, nullptr, my_col, patches.k, false, nullptr);
          col2im(dims, g, my_col, begin, end, diff_src);
        }
        if (interrupted()) return;
      }
      finish(epilogue, image_floats, n * image_floats, diff_src);
    }
  });
}

void im2col_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                             float* diff_weights) {
  const Patches patches(dims);
  const PixelGradients gradients(dims, diff_dst);
  const GemmTile& tile = gemm_tile_for(patches.oc);
  const int64_t chunks = ceil_div(patches.pixels, patches.chunk);
  const PartialSums partial_sums(patches.k * dims.oc, chunks);
  const int threads = patches.threads(dims, partial_sums.parts());

  const int64_t col = Scratchpad::padded(patches.chunk * patches.k);
  const int64_t workspace = Scratchpad::padded(gemm_workspace(
      tile, patches.k, patches.oc, patches.chunk, {src, 1, patches.k}, {src, dims.oc, 1}));
  Scratchpad scratch(partial_sums.scratch(), threads,
                     col + workspace + gradients.scratch(patches.chunk));
  partial_sums.add(
      threads, scratch, diff_weights, [&](int64_t first, int64_t last, float* sums, int thread) {
        float* const my_col = scratch.of_thread(thread);
        for (int64_t chunk = first; chunk < last; ++chunk) {
          const int64_t begin = chunk * patches.chunk;
          const int64_t end = std::min(begin + patches.chunk, patches.pixels);
          const float* const dy = gradients.of(begin, end, my_col + col + workspace);
          for (int64_t g = 0; g < dims.groups; ++g) {
            const MatrixView a = patch_matrix(dims, patches, g, src, begin, end, my_col);
            gemm_serial(tile, patches.k, patches.oc, end - begin,
                        {a.data, a.col_stride, a.row_stride}, {dy + g * patches.oc, dims.oc, 1},
                        nullptr, nullptr, sums + g * patches.oc, dims.oc, true, my_col + col);
          }
        }
      });
}

}  // namespace cnnx
