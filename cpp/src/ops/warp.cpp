#include "cnnx/warp.hpp"

#include <algorithm>

#include "ops/picture_edges.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

constexpr double kFar = 0x1p40;  // places beyond lie nowhere; every affine one is nearer

// The place in src of a pixel of dst.
struct Place {
  double row, col;
};

// Places of a row of dst, from left to right.
class RowOfPlaces {
 public:
  RowOfPlaces(const float* transform, int64_t y) {
    std::copy_n(transform, kWarpNumbers, numbers_);
    const double* const t = numbers_;
    const auto down = static_cast<double>(y);
    row_ = t[0] * down + t[2];
    col_ = t[3] * down + t[5];
    scale_ = t[6] * down + 1.0;
    flat_ = t[6] == 0.0 && t[7] == 0.0;
  }
  Place operator[](int64_t x) const {
    const auto right = static_cast<double>(x);
    const double row = row_ + numbers_[1] * right, col = col_ + numbers_[4] * right;
    if (flat_) return {row, col};
    const double scale = scale_ + numbers_[7] * right;
    return {bounded(row / scale), bounded(col / scale)};
  }

 private:
  static double bounded(double place) {
    return place >= -kFar && place <= kFar ? place : -kFar;  // NaN too
  }

  double numbers_[kWarpNumbers], row_, col_, scale_;
  bool flat_;
};

int64_t floor_of(double place) {
  const auto whole = static_cast<int64_t>(place);
  return whole - (static_cast<double>(whole) > place ? 1 : 0);
}

// The pixels around a place on an axis, and their shares.
struct Neighbours {
  Neighbours(double place, int64_t n, const Sampling& sampling) {
    const int64_t below = floor_of(sampling.linear ? place : place + 0.5);
    share[1] = sampling.linear ? static_cast<float>(place - static_cast<double>(below)) : 0.0f;
    share[0] = 1.0f - share[1];
    pixel[0] = inside(below, n, sampling.fill);
    pixel[1] = share[1] == 0.0f ? -1 : inside(below + 1, n, sampling.fill);
  }
  int64_t pixel[2];  // -1 for none
  float share[2];
};

// Calls body(place, share) with the offset in src of each pixel that has a share in a place.
template <typename Body>
void for_each_share(const PictureDims& d, const Sampling& sampling, Place at, Body body) {
  const Neighbours rows(at.row, d.h, sampling), cols(at.col, d.w, sampling);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      const float share = rows.share[i] * cols.share[j];
      if (share == 0.0f) continue;
      const bool outside = rows.pixel[i] < 0 || cols.pixel[j] < 0;
      body(outside ? -1 : (rows.pixel[i] * d.w + cols.pixel[j]) * d.c, share);
    }
  }
}

// A pixel of dst, wherever its place is.
void any_pixel(const PictureDims& d, const Sampling& sampling, Place at, const float* src,
               float* out) {
  std::fill(out, out + d.c, 0.0f);
  for_each_share(d, sampling, at, [&](int64_t from, float share) {
    for (int64_t c = 0; c < d.c; ++c) out[c] += share * (from < 0 ? sampling.value : src[from + c]);
  });
}

// A pixel of dst between four pixels of src. kChannels is 0 where their number is not known.
template <int64_t kChannels>
void inner_pixel(const PictureDims& d, Place at, int64_t row, int64_t col, const float* src,
                 float* out) {
  const int64_t channels = kChannels > 0 ? kChannels : d.c;
  const float* const above = src + (row * d.w + col) * channels;
  const float* const below = above + d.w * channels;
  const auto down = static_cast<float>(at.row - static_cast<double>(row));
  const auto right = static_cast<float>(at.col - static_cast<double>(col));
  const float shares[4] = {(1.0f - down) * (1.0f - right), (1.0f - down) * right,
                           down * (1.0f - right), down * right};
  for (int64_t c = 0; c < channels; ++c) {
    out[c] = shares[0] * above[c] + shares[1] * above[channels + c] + shares[2] * below[c] +
             shares[3] * below[channels + c];
  }
}

template <int64_t kChannels>
void linear_rows(const PictureDims& d, const Sampling& sampling, const float* transform,
                 const float* src, float* dst) {
  for (int64_t y = 0; y < d.h; ++y) {
    const RowOfPlaces places(transform, y);
    for (int64_t x = 0; x < d.w; ++x, dst += d.c) {
      const Place at = places[x];
      const int64_t row = floor_of(at.row), col = floor_of(at.col);
      if (row >= 0 && row < d.h - 1 && col >= 0 && col < d.w - 1) {
        inner_pixel<kChannels>(d, at, row, col, src, dst);
      } else {
        any_pixel(d, sampling, at, src, dst);
      }
    }
  }
}

bool is_whole(float number) { return number == static_cast<float>(static_cast<int64_t>(number)); }

// Whether pixels stay beside their neighbours: mirrored, or moved by whole pixels, or neither.
bool keeps_pixels(const float* t) {
  const auto is_unit = [](float a) { return a == 1.0f || a == -1.0f; };
  return is_unit(t[0]) && t[1] == 0.0f && is_whole(t[2]) && t[3] == 0.0f && is_unit(t[4]) &&
         is_whole(t[5]) && t[6] == 0.0f && t[7] == 0.0f;
}

void moved_rows(const PictureDims& d, const Sampling& sampling, const float* t, const float* src,
                float* dst) {
  const auto step = static_cast<int64_t>(t[4]), start = static_cast<int64_t>(t[5]);
  for (int64_t y = 0; y < d.h; ++y) {
    const int64_t row =
        inside(static_cast<int64_t>(t[0]) * y + static_cast<int64_t>(t[2]), d.h, sampling.fill);
    for (int64_t x = 0; x < d.w; ++x, dst += d.c) {
      const int64_t col = inside(start + step * x, d.w, sampling.fill);
      if (row < 0 || col < 0) {
        std::fill(dst, dst + d.c, sampling.value);
      } else {
        std::copy_n(src + (row * d.w + col) * d.c, d.c, dst);
      }
    }
  }
}

// body(n, begin of picture n): a picture is one thread's.
template <typename Body>
void for_each_picture(const PictureDims& d, Body body) {
  const int64_t size = d.h * d.w * d.c;
  parallel_for(threads_for_rows(d.mb, 16 * size), d.mb, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n) body(n, n * size);
  });
}

}  // namespace

void warp_picture(const PictureDims& d, const Sampling& sampling, const float* transform,
                  const float* src, float* dst) {
  if (keeps_pixels(transform)) {
    moved_rows(d, sampling, transform, src, dst);
  } else if (!sampling.linear) {
    for (int64_t y = 0; y < d.h; ++y) {
      const RowOfPlaces places(transform, y);
      for (int64_t x = 0; x < d.w; ++x, dst += d.c) any_pixel(d, sampling, places[x], src, dst);
    }
  } else if (d.c == 1) {
    linear_rows<1>(d, sampling, transform, src, dst);
  } else if (d.c == 3) {
    linear_rows<3>(d, sampling, transform, src, dst);
  } else {
    linear_rows<0>(d, sampling, transform, src, dst);
  }
}

void warp_forward(const PictureDims& dims, const Sampling& sampling, const float* transforms,
                  const float* src, float* dst) {
  for_each_picture(dims, [&](int64_t n, int64_t at) {
    warp_picture(dims, sampling, transforms + kWarpNumbers * n, src + at, dst + at);
  });
}

void warp_backward_data(const PictureDims& dims, const Sampling& sampling, const float* transforms,
                        const float* diff_dst, float* diff_src) {
  for_each_picture(dims, [&](int64_t n, int64_t at) {
    float* const result = diff_src + at;
    const float* gradient = diff_dst + at;
    std::fill(result, result + dims.h * dims.w * dims.c, 0.0f);
    for (int64_t y = 0; y < dims.h; ++y) {
      const RowOfPlaces places(transforms + kWarpNumbers * n, y);
      for (int64_t x = 0; x < dims.w; ++x, gradient += dims.c) {
        for_each_share(dims, sampling, places[x], [&](int64_t from, float share) {
          for (int64_t c = 0; from >= 0 && c < dims.c; ++c) result[from + c] += share * gradient[c];
        });
      }
    }
  });
}

}  // namespace cnnx
