#include "ops/pixel_product.hpp"

#include "gemm/pack.hpp"
#include "kernels/cache_line.hpp"

namespace cnnx {
namespace {

constexpr int64_t kUnderWay = 32;  // cache lines

// Pixels [begin, end) of what a register tile will be stored to.
void fetch_tile(const float* dst, int64_t stride, int64_t begin, int64_t end, int64_t channels) {
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    for (int64_t c = 0; c < channels; c += kLineFloats) {
      __builtin_prefetch(dst + pixel * stride + c, 1);
    }
  }
}

}  // namespace

void pack_product(MatrixView weights, int64_t ic, int64_t oc, int64_t begin, int64_t end,
                  float* packed) {
  constexpr int64_t kRows = 256;
  for (int64_t row = 0; row < ic; row += kRows) {
    const int64_t rows = std::min(kRows, ic - row);
    for (int64_t c = begin; c < end;) {
      const int64_t channels = product_tile(end - c).channels;
      pack_b(weights.from(row, c), rows, std::min(channels, oc - c), channels,
             packed + (c - begin) * ic + row * channels);
      c += channels;
    }
  }
}

void PixelProduct::make_column(const ConvTile& tile, int64_t channel, int64_t begin, int64_t end,
                               int64_t pixels, const float* src, float* dst, int64_t dst_stride,
                               const float* addend, Ahead& ahead, Pending& pending) const {
  // Outputs that are many times the inputs come from memory, and short sums leave no time to wait.
  const bool fetches = dst_ == Where::far && ic_ < 64 && channels_ >= 4 * ic_;
  const int64_t offset = 0, cols = std::min(tile.channels, channels_ - channel);
  ConvRuns run{1, ic_, &offset, range_};
  const int64_t count = ceil_div(end - begin, tile.pixels);
  // Tiles made together fetch together, and no more than a core can wait for.
  const int64_t waiting = std::max<int64_t>(kUnderWay / std::max<int64_t>(ahead.lines(), 1), 1);
  const int64_t together =
      fetches || pending.later.floats > 0 ? 1 : std::min(tiles_together(ic_), waiting);
  for (int64_t t = 0; t < count; t += together) {
    const int64_t next = std::min(t + together, count);
    for (int64_t i = t; i < next; ++i) ahead.fetch();
    const int64_t first = begin + (end - begin) * t / count;
    const int64_t last = begin + (end - begin) * next / count;
    const int64_t place = first * dst_stride + channel;
    if (fetches) {
      fetch_tile(dst + channel, dst_stride, last + tile.pixels,
                 std::min(last + 2 * tile.pixels, pixels), tile.channels);
    }
    fetch_share(run, tile, ic_, std::max<int64_t>(pending.tiles, 1), pending.later);
    pending.tiles -= next - t;
    tile.microkernel(run, src + first * ic_, ic_, packed_ + channel * ic_,
                     bias_ == nullptr ? nullptr : bias_ + channel, dst + place, dst_stride,
                     last - first, cols, addend == nullptr ? nullptr : addend + place);
  }
}

}  // namespace cnnx
