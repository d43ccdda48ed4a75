#include "ops/conv2d_direct.hpp"

#include <algorithm>

#include "gemm/pack.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/activation.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv_runs.hpp"
#include "ops/row_cut.hpp"
#include "ops/strips.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

constexpr int64_t kPassFloats = 8192;         // 32 KiB of weights of one block: L1
constexpr int64_t kGrain = int64_t{1} << 20;  // multiply-adds worth a thread

// tap(t, g) is the matrix (ic, oc) / groups of tap t of the kernel. packed holds all groups' blocks
// of channels, each (floats of all runs, tile.channels); pixels that share a vector find their taps
// one after the other, and zeros.
template <typename Tap>
void pack_weights(const Conv2dDims& d, const Runs& runs, const RowCut& cut, Tap tap,
                  float* packed) {
  const int64_t icg = d.ic / d.groups, ocg = d.oc / d.groups;
  const int64_t channels = cut.tile().channels;
  if (cut.together() > 1) std::fill_n(packed, runs.count() * runs.floats() * channels, 0.0f);
  for (int64_t g = 0; g < d.groups; ++g) {
    for (int64_t first = 0; first < ocg; first += channels) {
      for (int64_t t = 0; t < d.kh * d.kw; ++t) {
        MatrixView view = tap(t, g);
        if (cut.together() == 1) {
          view.data += first * view.col_stride;
          pack_b(view, icg, std::min(channels, ocg - first), channels, packed + t * icg * channels);
          continue;
        }
        for (int64_t pixel = 0; pixel < cut.together(); ++pixel) {
          const int64_t place = t / d.kw * runs.taps() + t % d.kw + pixel * d.stride_w;
          float* out = packed + place * icg * channels + pixel * ocg;
          for (int64_t c = 0; c < icg; ++c, out += channels) {
            for (int64_t o = 0; o < ocg; ++o) {
              out[o] = view.data[c * view.row_stride + o * view.col_stride];
            }
          }
        }
      }
      packed += runs.count() * runs.floats() * channels;
    }
  }
}

template <typename Tap>
void correlate(const Conv2dDims& dims, DiffDst src, Tap tap, const float* bias,
               const Epilogue& epilogue, float* dst) {
  if (is_empty(dims)) return;
  const int64_t together = epilogue.pool ? 2 : 1;
  const Strips strips(dims, src, together);
  const RowCut cut = RowCut::best(dims);
  const ConvTile& tile = cut.tile();
  const Runs runs(dims, strips.row_stride(), cut.together());
  // Where vectors overlap, a second pass would add twice.
  const Passes passes(
      runs, cut.together() > 1 ? runs.floats() * runs.count() : kPassFloats / tile.channels);
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  const int64_t blocks = ceil_div(ocg, tile.channels);
  const int64_t block = runs.count() * runs.floats() * tile.channels;
  const int64_t packed = Scratchpad::padded(dims.groups * blocks * block);
  // Pixels that are pooled wait in scratch, one block of channels of a strip.
  const int64_t most_waiting = strips.most_rows() * dims.ow * std::min(tile.channels, ocg);
  const int64_t waiting = epilogue.pool ? Scratchpad::padded(most_waiting) : 0;
  const int64_t k = dims.kh * dims.kw * icg;
  const int64_t work = std::max<int64_t>(dims.oh * dims.ow * k * dims.oc * dims.mb, 1);
  const int threads = threads_for(strips.count(), kGrain * strips.count() / work);

  const int64_t biases = Scratchpad::padded(tile.channels);
  Scratchpad scratch(packed + biases + passes.scratch() + (strips.scratch() + waiting) * threads);
  float* const weights = scratch.take(packed);
  const int64_t* const offsets = passes.offsets(scratch);
  float* const copies = scratch.take((strips.scratch() + waiting) * threads);
  pack_weights(dims, runs, cut, tap, weights);
  if (bias != nullptr && cut.together() > 1) {
    float* const repeated = scratch.take(biases);
    for (int64_t i = 0; i < cut.together(); ++i) std::copy_n(bias, ocg, repeated + i * ocg);
    bias = repeated;
  }

  const int64_t dst_row = dims.ow / together * dims.oc;
  const auto activate = activation_kernel(epilogue.activation).forward;
  parallel_for(threads, strips.count(), [&](int64_t begin, int64_t end, int thread) {
    float* const copy = copies + thread * (strips.scratch() + waiting);
    float* const unpooled = copy + strips.scratch();
    for (int64_t strip = begin; strip < end; ++strip) {
      const float* const input = strips.input(strip, copy);
      const int64_t first_row = strips.image(strip) * dims.oh + strips.first_row(strip);
      const int64_t first = first_row / together * dst_row;
      for (int64_t b = 0; b < dims.groups * blocks; ++b) {
        const int64_t g = b / blocks, channel = b % blocks * tile.channels;
        const int64_t cols = std::min(tile.channels, ocg - channel);
        const int64_t oc = g * ocg + channel;
        float* const out = epilogue.pool ? unpooled : dst + first + oc;
        const int64_t out_row = epilogue.pool ? dims.ow * cols : dst_row;
        const int64_t out_stride = epilogue.pool ? cols : dims.oc;
        for (int64_t pass = 0; pass < passes.count(); ++pass) {
          const ConvRuns pass_runs = passes.runs(pass, offsets);
          const float* const w = weights + b * block + passes.floats_before(pass) * tile.channels;
          for (int64_t y = 0; y < strips.rows(strip); ++y) {
            const float* const row = input + y * dims.stride_h * strips.row_stride() + g * icg;
            for (int64_t t = 0; t < cut.tiles(); ++t) {
              const int64_t x = cut.x(t);
              tile.microkernel(pass_runs, row + x * dims.stride_w * dims.ic,
                               cut.together() * dims.stride_w * dims.ic, w,
                               bias == nullptr || pass > 0 ? nullptr : bias + oc,
                               out + y * out_row + x * out_stride, cut.together() * out_stride,
                               cut.vectors(t), cut.together() * cols, pass > 0);
            }
          }
        }
        for (int64_t y = 0; epilogue.pool && y < strips.rows(strip); y += 2) {
          const float* const above = unpooled + y * out_row;
          const int64_t to = first + y / 2 * dst_row + oc;
          kernels().pool2x2.forward(dims.ow / 2, cols, above, above + out_row, cols, dst + to,
                                    epilogue.codes == nullptr ? nullptr : epilogue.codes + to,
                                    dims.oc);
        }
      }
      if (epilogue.activation != Activation::linear) {
        activate(strips.rows(strip) / together * dst_row, dst + first, dst + first);
      }
    }
  });
}

}  // namespace

bool has_direct(const Conv2dDims& dims) { return Strips(dims, {}, 1).fit(); }

void direct_forward(const Conv2dDims& dims, const float* src, const float* weights,
                    const float* bias, const Epilogue& epilogue, float* dst) {
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  correlate(
      dims, {src},
      [&](int64_t tap, int64_t group) {
        const int64_t t = dims.rotated ? dims.kh * dims.kw - 1 - tap : tap;
        return MatrixView{weights + t * icg * dims.oc + group * ocg, dims.oc, 1};
      },
      bias, epilogue, dst);
}

bool has_direct_backward_data(const Conv2dDims& d) {
  return d.stride_h == 1 && d.stride_w == 1 && Strips(backward_dims(d), {}, 1).fit();
}

void direct_backward_data(const Conv2dDims& dims, DiffDst diff_dst, const float* weights,
                          float* diff_src) {
  const Conv2dDims back = backward_dims(dims);
  const int64_t icg = dims.ic / dims.groups, ocg = dims.oc / dims.groups;
  correlate(
      back, diff_dst,
      [&](int64_t tap, int64_t group) {
        const int64_t t = dims.rotated ? tap : dims.kh * dims.kw - 1 - tap;
        return MatrixView{weights + t * icg * dims.oc + group * ocg, 1, dims.oc};
      },
      nullptr, {}, diff_src);
}

}  // namespace cnnx
