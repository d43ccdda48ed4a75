#include "cnnx/affine.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

// The pixel of [0, n) that stands for pixel i, or -1 for none.
int64_t inside(int64_t i, int64_t n, FillMode fill) {
  if (i >= 0 && i < n) return i;
  switch (fill) {
    case FillMode::kNearest:
      return i < 0 ? 0 : n - 1;
    case FillMode::kReflect: {
      const int64_t phase = (i % (2 * n) + 2 * n) % (2 * n);
      return std::min(phase, 2 * n - 1 - phase);
    }
    case FillMode::kWrap:
      return (i % n + n) % n;
    case FillMode::kConstant:
      break;
  }
  return -1;
}

// The two pixels around a position on an axis, and their shares.
struct Neighbours {
  Neighbours(double position, int64_t n, FillMode fill) {
    const double below = std::floor(position);
    pixel[0] = inside(static_cast<int64_t>(below), n, fill);
    pixel[1] = inside(static_cast<int64_t>(below) + 1, n, fill);
    share[1] = static_cast<float>(position - below);
    share[0] = 1.0f - share[1];
  }
  int64_t pixel[2];
  float share[2];
};

// Calls body(there, here, share) with the offsets, within an image, of each pixel that has a share
// in a pixel of dst, and of that pixel.
template <typename Body>
void for_each_share(const AffineDims& dims, FillMode fill, const float* transform, Body body) {
  const double a = transform[0], b = transform[1], c = transform[2];
  const double d = transform[3], e = transform[4], f = transform[5];
  for (int64_t y = 0; y < dims.h; ++y) {
    for (int64_t x = 0; x < dims.w; ++x) {
      const auto down = static_cast<double>(y), right = static_cast<double>(x);
      const Neighbours rows(a * down + b * right + c, dims.h, fill);
      const Neighbours cols(d * down + e * right + f, dims.w, fill);
      for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 2; ++j) {
          const float share = rows.share[i] * cols.share[j];
          if (rows.pixel[i] < 0 || cols.pixel[j] < 0 || share == 0.0f) continue;
          body((rows.pixel[i] * dims.w + cols.pixel[j]) * dims.c, (y * dims.w + x) * dims.c, share);
        }
      }
    }
  }
}

// Fills `result` (mb, h, w, c) with zeros and calls body as for_each_share does, with offsets
// within the batch. An image is one thread's.
template <typename Body>
void for_each_image(const AffineDims& dims, FillMode fill, const float* transforms, float* result,
                    Body body) {
  const int64_t size = dims.h * dims.w * dims.c;
  parallel_for(threads_for_rows(dims.mb, 16 * size), dims.mb, [&](int64_t begin, int64_t end, int) {
    std::fill(result + begin * size, result + end * size, 0.0f);
    for (int64_t n = begin; n < end; ++n) {
      for_each_share(dims, fill, transforms + 6 * n, [&](int64_t there, int64_t here, float share) {
        body(n * size + there, n * size + here, share);
      });
    }
  });
}

}  // namespace

void affine_forward(const AffineDims& dims, FillMode fill, const float* transforms,
                    const float* src, float* dst) {
  for_each_image(dims, fill, transforms, dst, [&](int64_t there, int64_t here, float share) {
    for (int64_t c = 0; c < dims.c; ++c) dst[here + c] += share * src[there + c];
  });
}

void affine_backward_data(const AffineDims& dims, FillMode fill, const float* transforms,
                          const float* diff_dst, float* diff_src) {
  for_each_image(dims, fill, transforms, diff_src, [&](int64_t there, int64_t here, float share) {
    for (int64_t c = 0; c < dims.c; ++c) diff_src[there + c] += share * diff_dst[here + c];
  });
}

}  // namespace cnnx
