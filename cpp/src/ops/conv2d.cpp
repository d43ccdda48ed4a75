// Convolution as im2col + GEMM: the patches of a chunk of output pixels, small enough for L2, times
// the weights. This is the path that every shape can take and that faster ones are checked against.
#include "cnnx/conv2d.hpp"

#include <algorithm>

#include "cnnx/im2col.hpp"
#include "gemm/sgemm.hpp"
#include "ops/column_sums.hpp"
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

  // Pixels that one thread should get at least.
  int64_t grain() const { return std::max<int64_t>(kGrain / std::max<int64_t>(k * oc, 1), 1); }
};

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

}  // namespace

void conv2d_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, float* dst) {
  const Patches patches(dims);
  const GemmTile& tile = gemm_tile_for(patches.oc);
  const int64_t chunks = (patches.pixels + patches.chunk - 1) / patches.chunk;
  const int threads = threads_for(chunks, patches.grain() / patches.chunk);

  const int64_t packed = Scratchpad::padded(packed_b_size(tile, patches.oc, patches.k));
  const int64_t col = Scratchpad::padded(patches.chunk * patches.k);
  const int64_t workspace = Scratchpad::padded(
      gemm_workspace(tile, patches.chunk, patches.oc, patches.k, /*b_is_packed=*/true));
  Scratchpad scratch(packed * dims.groups + (col + workspace) * threads);
  float* packed_weights = scratch.take(packed * dims.groups);
  float* per_thread = scratch.take((col + workspace) * threads);

  for (int64_t g = 0; g < dims.groups; ++g) {
    pack_whole_b(tile, group_weights(dims, patches, weights, g), patches.oc, patches.k,
                 packed_weights + g * packed);
  }
  parallel_for(threads, chunks, [&](int64_t first, int64_t last, int thread) {
    float* const my_col = per_thread + thread * (col + workspace);
    for (int64_t begin = first * patches.chunk;
         begin < std::min(last * patches.chunk, patches.pixels); begin += patches.chunk) {
      const int64_t end = std::min(begin + patches.chunk, patches.pixels);
      for (int64_t g = 0; g < dims.groups; ++g) {
        gemm_serial(tile, end - begin, patches.oc, patches.k,
                    patch_matrix(dims, patches, g, src, begin, end, my_col), {},
                    packed_weights + g * packed, bias == nullptr ? nullptr : bias + g * patches.oc,
                    dst + begin * dims.oc + g * patches.oc, dims.oc, false, my_col + col);
      }
    }
  });
}

void conv2d_backward_data(const Conv2dDims& dims, const float* diff_dst, const float* weights,
                          float* diff_src) {
  const Patches patches(dims);
  const GemmTile& tile = gemm_tile_for(patches.k);
  const int64_t image_pixels = dims.oh * dims.ow, image_floats = dims.ih * dims.iw * dims.ic;
  // Patches overlap, so an image is one thread's: its sums have one order.
  const int threads = threads_for(dims.mb, patches.grain() / std::max<int64_t>(image_pixels, 1));

  const int64_t chunk = std::min(patches.chunk, std::max<int64_t>(image_pixels, 1));
  const int64_t packed = Scratchpad::padded(packed_b_size(tile, patches.k, patches.oc));
  const int64_t col = Scratchpad::padded(chunk * patches.k);
  const int64_t workspace =
      Scratchpad::padded(gemm_workspace(tile, chunk, patches.k, patches.oc, /*b_is_packed=*/true));
  Scratchpad scratch(packed * dims.groups + (col + workspace) * threads);
  float* packed_weights = scratch.take(packed * dims.groups);
  float* per_thread = scratch.take((col + workspace) * threads);

  for (int64_t g = 0; g < dims.groups; ++g) {
    const MatrixView w = group_weights(dims, patches, weights, g);
    pack_whole_b(tile, {w.data, w.col_stride, w.row_stride}, patches.k, patches.oc,
                 packed_weights + g * packed);
  }
  parallel_for(threads, dims.mb, [&](int64_t first, int64_t last, int thread) {
    float* const my_col = per_thread + thread * (col + workspace);
    std::fill(diff_src + first * image_floats, diff_src + last * image_floats, 0.0f);
    for (int64_t n = first; n < last; ++n) {
      for (int64_t begin = n * image_pixels; begin < (n + 1) * image_pixels; begin += chunk) {
        const int64_t end = std::min(begin + chunk, (n + 1) * image_pixels);
        for (int64_t g = 0; g < dims.groups; ++g) {
          gemm_serial(tile, end - begin, patches.k, patches.oc,
                      {diff_dst + begin * dims.oc + g * patches.oc, dims.oc, 1}, {},
                      packed_weights + g * packed, nullptr, my_col, patches.k, false, my_col + col);
          col2im(dims, g, my_col, begin, end, diff_src);
        }
      }
    }
  });
}

void conv2d_backward_weights(const Conv2dDims& dims, const float* src, const float* diff_dst,
                             float* diff_weights, float* diff_bias) {
  const Patches patches(dims);
  const GemmTile& tile = gemm_tile_for(patches.oc);
  const int64_t size = patches.k * dims.oc;
  // The sum over all pixels is made of `parts` partial sums, whose number depends on the shape
  // alone, so that it has the same order for any number of threads.
  constexpr int64_t kPartFloats = int64_t{4} << 20;
  const int64_t chunks = (patches.pixels + patches.chunk - 1) / patches.chunk;
  const int64_t most = std::clamp<int64_t>(kPartFloats / std::max<int64_t>(size, 1), 2, 16);
  const int64_t parts = std::clamp<int64_t>(chunks, 1, most);
  const int threads =
      threads_for(parts, parts * patches.grain() / std::max<int64_t>(patches.pixels, 1));

  const int64_t partial = Scratchpad::padded(size);
  const int64_t col = Scratchpad::padded(patches.chunk * patches.k);
  const int64_t workspace = Scratchpad::padded(
      gemm_workspace(tile, patches.k, patches.oc, patches.chunk, /*b_is_packed=*/false));
  {
    Scratchpad scratch(partial * (parts - 1) + (col + workspace) * threads);
    float* partials = scratch.take(partial * (parts - 1));
    float* per_thread = scratch.take((col + workspace) * threads);
    const auto part_sum = [&](int64_t part) {
      return part == 0 ? diff_weights : partials + (part - 1) * partial;
    };
    parallel_for(threads, parts, [&](int64_t first, int64_t last, int thread) {
      float* const my_col = per_thread + thread * (col + workspace);
      for (int64_t part = first; part < last; ++part) {
        const int64_t part_begin = chunks * part / parts * patches.chunk;
        const int64_t part_end =
            std::min(chunks * (part + 1) / parts * patches.chunk, patches.pixels);
        if (part_begin >= part_end) std::fill_n(part_sum(part), size, 0.0f);
        for (int64_t begin = part_begin; begin < part_end; begin += patches.chunk) {
          const int64_t end = std::min(begin + patches.chunk, part_end);
          for (int64_t g = 0; g < dims.groups; ++g) {
            const MatrixView a = patch_matrix(dims, patches, g, src, begin, end, my_col);
            gemm_serial(tile, patches.k, patches.oc, end - begin,
                        {a.data, a.col_stride, a.row_stride},
                        {diff_dst + begin * dims.oc + g * patches.oc, dims.oc, 1}, nullptr, nullptr,
                        part_sum(part) + g * patches.oc, dims.oc, begin > part_begin, my_col + col);
          }
        }
      }
    });
    for (int64_t part = 1; part < parts; ++part) {
      for (int64_t i = 0; i < size; ++i) diff_weights[i] += part_sum(part)[i];
    }
  }
  if (diff_bias != nullptr) column_sums(patches.pixels, dims.oc, diff_dst, diff_bias);
}

}  // namespace cnnx
