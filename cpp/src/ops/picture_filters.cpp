#include "ops/picture_filters.hpp"

#include <algorithm>
#include <cmath>

#include "ops/picture_edges.hpp"

namespace cnnx {
namespace {

// The weights of an odd number of taps, whose sum is 1.
struct Taps {
  Taps(float count, float deviation) : radius(static_cast<int64_t>(count) / 2) {
    double sum = 0.0;
    for (int64_t i = 0; i <= 2 * radius; ++i) {
      const double distance = static_cast<double>(i - radius) / static_cast<double>(deviation);
      weights[i] = static_cast<float>(std::exp(-0.5 * distance * distance));
      sum += static_cast<double>(weights[i]);
    }
    for (int64_t i = 0; i <= 2 * radius; ++i) weights[i] /= static_cast<float>(sum);
  }
  int64_t radius;
  float weights[kMostTaps];
};

// out[i] += weight in[i]
void add(int64_t n, float weight, const float* in, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] += weight * in[i];
}

// Along rows: what each tap sees of the row is one run, but for the pixels beyond its ends.
void blur_columns(const PictureDims& d, const Taps& taps, const float* row, float* out) {
  std::fill(out, out + d.w * d.c, 0.0f);
  for (int64_t tap = -taps.radius; tap <= taps.radius; ++tap) {
    const float weight = taps.weights[tap + taps.radius];
    const int64_t begin = std::clamp<int64_t>(-tap, 0, d.w);
    const int64_t end = std::clamp<int64_t>(d.w - tap, begin, d.w);
    for (int64_t x = 0; x < begin; ++x) {
      add(d.c, weight, row + inside(x + tap, d.w, FillMode::kReflect) * d.c, out + x * d.c);
    }
    add((end - begin) * d.c, weight, row + (begin + tap) * d.c, out + begin * d.c);
    for (int64_t x = end; x < d.w; ++x) {
      add(d.c, weight, row + inside(x + tap, d.w, FillMode::kReflect) * d.c, out + x * d.c);
    }
  }
}

}  // namespace

void sharpness(const PictureDims& d, ValueRange range, const float* p, const float* src,
               float* dst) {
  const int64_t row = d.w * d.c;
  const float factor = p[0];
  for (int64_t y = 0; y < d.h; ++y) {
    const float* const x = src + y * row;
    float* const out = dst + y * row;
    const bool border = y == 0 || y == d.h - 1 || d.w < 3;
    const int64_t begin = border ? row : d.c, end = border ? row : row - d.c;
    for (int64_t i = begin; i < end; ++i) {
      float sum = 4.0f * x[i];
      for (int64_t from : {i - row, i, i + row}) sum += x[from - d.c] + x[from] + x[from + d.c];
      const float smooth = sum * (1.0f / 13.0f);
      out[i] = range.nearest(smooth + factor * (x[i] - smooth));
    }
    const auto keep = [=](float value) { return range.nearest(value); };
    std::transform(x, x + begin, out, keep);
    std::transform(x + end, x + row, out + end, keep);
  }
}

void blur(const PictureDims& d, ValueRange range, const float* p, const float* src, float* scratch,
          float* dst) {
  const int64_t row = d.w * d.c;
  const Taps rows(p[0], p[2]), columns(p[1], p[3]);
  for (int64_t y = 0; y < d.h; ++y) blur_columns(d, columns, src + y * row, scratch + y * row);
  for (int64_t y = 0; y < d.h; ++y) {
    float* const out = dst + y * row;
    std::fill(out, out + row, 0.0f);
    for (int64_t tap = -rows.radius; tap <= rows.radius; ++tap) {
      const int64_t from = inside(y + tap, d.h, FillMode::kReflect);
      add(row, rows.weights[tap + rows.radius], scratch + from * row, out);
    }
    for (int64_t i = 0; i < row; ++i) out[i] = range.nearest(out[i]);
  }
}

}  // namespace cnnx
