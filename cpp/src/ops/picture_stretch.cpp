#include "cnnx/picture_stretch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernel_table.hpp"
#include "runtime/rounding.hpp"

namespace cnnx {
namespace {

// The shares of one side, of `extent` inputs of which `low` to `high` are stretched to `count`.
StretchShares shares_of(int64_t extent, double low, double high, int64_t count) {
  const double scale = (high - low) / static_cast<double>(count);
  const double reach = std::max(scale, 1.0);  // of the triangle to either side
  StretchShares side{0, {}, {}, {}};
  for (int64_t i = 0; i < count; ++i) {
    const double centre = low + (static_cast<double>(i) + 0.5) * scale;
    const auto begin = static_cast<int64_t>(std::max(centre - reach + 0.5, 0.0));
    const auto end = std::min(static_cast<int64_t>(centre + reach + 0.5), extent);
    side.first.push_back(begin);
    side.count.push_back(end - begin);
    side.taps = std::max(side.taps, end - begin);
  }
  side.shares.resize(static_cast<size_t>(count * side.taps));
  std::vector<double> weights(static_cast<size_t>(side.taps));
  for (size_t i = 0; i < side.first.size(); ++i) {
    const double centre = low + (static_cast<double>(i) + 0.5) * scale;
    double total = 0.0;
    for (int64_t t = 0; t < side.count[i]; ++t) {
      const auto place = static_cast<double>(side.first[i] + t);
      const double away = std::abs((place - centre + 0.5) * (1.0 / reach));
      const double covered = std::min(place + 1.0, high) - std::max(place, low);
      weights[static_cast<size_t>(t)] =
          away < 1.0 ? (1.0 - away) * std::clamp(covered, 0.0, 1.0) : 0.0;
      total += weights[static_cast<size_t>(t)];
    }
    int32_t* const shares = side.shares.data() + static_cast<int64_t>(i) * side.taps;
    for (int64_t t = 0; t < side.count[i]; ++t) {
      const double share = weights[static_cast<size_t>(t)] / total;
      shares[t] = static_cast<int32_t>(0.5 + share * (1 << kShareBits));
    }
  }
  return side;
}

int64_t vectors_of(const StretchDims& dims, const StretchShares& columns) {
  const int64_t lanes = kernels().stretch.lanes;
  return round_up(columns.taps * dims.bytes, lanes) / lanes;
}

// Each share once for every byte of a pixel, in whole vectors.
std::vector<int32_t> in_lanes(const StretchDims& dims, const StretchShares& columns) {
  const int64_t floats = vectors_of(dims, columns) * kernels().stretch.lanes;
  std::vector<int32_t> lanes(static_cast<size_t>(dims.ow * floats));
  const int32_t* share = columns.shares.data();
  for (int64_t x = 0; x < dims.ow; ++x) {
    int32_t* lane = lanes.data() + x * floats;
    for (int64_t t = 0; t < columns.taps; ++t, ++share, lane += dims.bytes) {
      std::fill_n(lane, dims.bytes, *share);
    }
  }
  return lanes;
}

// The first kChannels bytes of each pixel, or its one byte for all of them.
template <int64_t kBytes, int64_t kChannels, typename T>
void copy_pixels(int64_t count, const uint8_t* src, T* dst) {
  if constexpr (kBytes == 4 && sizeof(T) == 1) {  // the next pixel overwrites the fourth byte
    for (; count > 1; --count, src += kBytes, dst += kChannels) std::memcpy(dst, src, kBytes);
  }
  for (int64_t x = 0; x < count; ++x, src += kBytes, dst += kChannels) {
    for (int64_t c = 0; c < kChannels; ++c) dst[c] = src[c % kBytes];
  }
}

}  // namespace

PictureStretch::PictureStretch(const StretchDims& dims, const StretchBox& box, Output dst)
    : dims_(dims),
      dst_(dst),
      rows_(shares_of(dims.h, box.top, box.bottom, dims.oh)),
      columns_(shares_of(dims.w, box.left, box.right, dims.ow)),
      lanes_(in_lanes(dims, columns_)),
      stretched_(static_cast<size_t>(rows_.taps * dims.ow * dims.bytes)),
      seen_(static_cast<size_t>(rows_.taps)),
      mixed_(static_cast<size_t>(dims.ow * dims.bytes)) {}

void PictureStretch::take(int64_t rows, const uint8_t* src) {
  const StretchKernels& kernel = kernels().stretch;
  const auto across = dims_.bytes == 1 ? kernel.across_bytes : kernel.across_quads;
  const StretchWindows windows = {dims_.ow, vectors_of(dims_, columns_), columns_.first.data(),
                                  lanes_.data()};
  const int64_t row_bytes = dims_.w * dims_.bytes, out_bytes = dims_.ow * dims_.bytes;
  for (int64_t left = rows; left > 0; --left, ++row_, src += row_bytes) {
    if (out_row_ == dims_.oh) continue;
    if (row_ < rows_.first[static_cast<size_t>(out_row_)]) continue;
    across(windows, src, left * row_bytes, stretched_.data() + row_ % rows_.taps * out_bytes);
    while (out_row_ < dims_.oh && rows_.first[static_cast<size_t>(out_row_)] +
                                          rows_.count[static_cast<size_t>(out_row_)] <=
                                      row_ + 1) {
      write_row();
      ++out_row_;
    }
  }
}

void PictureStretch::write_row() {
  const auto y = static_cast<size_t>(out_row_);
  const int64_t bytes = dims_.ow * dims_.bytes;
  for (int64_t t = 0; t < rows_.count[y]; ++t) {
    seen_[static_cast<size_t>(t)] = stretched_.data() + (rows_.first[y] + t) % rows_.taps * bytes;
  }
  kernels().stretch.down(bytes, rows_.count[y], seen_.data(),
                         rows_.shares.data() + out_row_ * rows_.taps, mixed_.data());
  std::visit(
      [&](auto* dst) {
        dst += out_row_ * dims_.ow * dims_.c;
        if (dims_.c == 1) return copy_pixels<1, 1>(dims_.ow, mixed_.data(), dst);
        if (dims_.bytes == 1) return copy_pixels<1, 3>(dims_.ow, mixed_.data(), dst);
        copy_pixels<4, 3>(dims_.ow, mixed_.data(), dst);
      },
      dst_);
}

}  // namespace cnnx
