// Winograd's F(2x2, 2x2) for 3x3 kernels of stride 2, see winograd_table.hpp. Along one axis,
// outputs y0 = w0 d0 + w1 d1 + w2 d2 and y1 = w0 d2 + w1 d3 + w2 d4 share the product (w0 + w2) d2:
// then y0 = (d0 - d2) w0 + d1 w1 + that, y1 = that + d3 w1 + (d4 - d2) w2. Five products instead of
// six, and 25 instead of 36 along both axes. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/winograd_kernels.hpp"
#include "kernels/winograd_table.hpp"

namespace cnnx {
namespace {

struct Stride2Input {
  static constexpr int kIn = 5, kOut = 5;
  CNNX_INLINE static void apply(const Vec (&d)[5], Vec (&t)[5]) {
    t[0] = d[0] - d[2];
    t[1] = d[1];
    t[2] = d[2];
    t[3] = d[3];
    t[4] = d[4] - d[2];
  }
};

// Products with the same input or, with w1, for the same output are one sum: t0 w0 + t1 w1, t2 (w0
// + w2), t3 w1 + t4 w2.
struct Stride2Output {
  static constexpr int kIn = 3, kOut = 2;
  CNNX_INLINE static void apply(const Vec (&m)[3], Vec (&y)[2]) {
    y[0] = m[0] + m[1];
    y[1] = m[1] + m[2];
  }
};

struct Stride2OutputAdjoint {
  static constexpr int kIn = 2, kOut = 3;
  CNNX_INLINE static void apply(const Vec (&y)[2], Vec (&m)[3]) {
    m[0] = y[0];
    m[1] = y[0] + y[1];
    m[2] = y[1];
  }
};

struct Stride2Weights {
  static constexpr int kIn = 3, kOut = 5;
  CNNX_INLINE static void apply(const Vec (&w)[3], Vec (&u)[5]) {
    u[0] = w[0];
    u[1] = w[1];
    u[2] = w[0] + w[2];
    u[3] = w[1];
    u[4] = w[2];
  }
};

// Of the sums for w0, w1, w0 + w2 and w2.
struct Stride2WeightsAdjoint {
  static constexpr int kIn = 4, kOut = 3;
  CNNX_INLINE static void apply(const Vec (&u)[4], Vec (&w)[3]) {
    w[0] = u[0] + u[2];
    w[1] = u[1];
    w[2] = u[3] + u[2];
  }
};

// The gradient of the input at four pixels of a row, from those of three outputs: w0 b + w2 a, w1
// b, w0 c + w2 b, w1 c.
struct Stride2BackInput {
  static constexpr int kIn = 3, kOut = 4;
  CNNX_INLINE static void apply(const Vec (&d)[3], Vec (&t)[4]) {
    t[0] = d[0] - d[1];
    t[1] = d[1];
    t[2] = d[2] - d[1];
    t[3] = d[2];
  }
};

// Of t0 w2, t1 w1, t1 (w0 + w2), t3 w1 and t2 w0.
struct Stride2BackOutput {
  static constexpr int kIn = 5, kOut = 4;
  CNNX_INLINE static void apply(const Vec (&m)[5], Vec (&y)[4]) {
    y[0] = m[0] + m[2];
    y[1] = m[1];
    y[2] = m[2] + m[4];
    y[3] = m[3];
  }
};

// Advance: pixels from one tile to the next, whose pixels are fetched early.
template <typename Matrix, int Advance>
void stride2_patch(int64_t c, const Stride2Patch& patch, float* points, int64_t stride) {
  const auto with_columns = [&](auto is_inside) {
    for_each_vector(c, [&](int64_t j) {
      transform<Matrix>(
          [&](int x, Vec(&column)[Matrix::kIn]) {
#pragma GCC unroll 6
            for (int y = 0; y < Matrix::kIn; ++y) {
              const float* const pixel = patch.rows[y] + x * patch.pixel_stride + j;
              column[y] = is_inside(x) ? load(pixel) : Vec{};
              __builtin_prefetch(pixel + Advance * c);
            }
          },
          [&](int y, const Vec(&row)[Matrix::kOut]) { store_points(points + j, stride, y, row); });
    });
  };
  if (patch.begin == 0 && patch.end == Matrix::kIn) {
    with_columns([](int) { return true; });
  } else {
    with_columns([&](int x) { return x >= patch.begin && x < patch.end; });
  }
}

template <typename Matrix>
void stride2_output(int64_t c, const float* points, int64_t stride, const float* bias,
                    const Stride2Tile& tile) {
  for_each_vector(c, [&](int64_t j) {
    const Vec start = bias == nullptr ? Vec{} : load(bias + j);
    transform<Matrix>(
        [&](int x, Vec(&column)[Matrix::kIn]) { load_points(points + j, stride, x, column); },
        [&](int y, const Vec(&row)[Matrix::kOut]) {
          if (y < tile.row_begin || y >= tile.row_end) return;
          float* const dst = tile.dst + y * tile.row_stride + j;
#pragma GCC unroll 4
          for (int x = 0; x < Matrix::kOut; ++x) {
            float* const pixel = dst + x * tile.pixel_stride;
            if (x >= tile.col_begin && x < tile.col_end) store(pixel, row[x] + start);
            __builtin_prefetch(pixel + Matrix::kOut * c, 1);
          }
        });
  });
}

void stride2_weights(int64_t c, const float* weights, int64_t tap_stride, float* const* points) {
  for_each_vector(c, [&](int64_t j) {
    transform<Stride2Weights>(
        [&](int x, Vec(&column)[3]) { load_points(weights + j, tap_stride, x, column); },
        [&](int y, const Vec(&row)[5]) {
#pragma GCC unroll 5
          for (int x = 0; x < 5; ++x) store(points[y * 5 + x] + j, row[x]);
        });
  });
}

void stride2_weights_gradient(int64_t c, const float* sums, int64_t stride, float* diff_weights,
                              int64_t tap_stride) {
  for_each_vector(c, [&](int64_t j) {
    transform<Stride2WeightsAdjoint>(
        [&](int x, Vec(&column)[4]) { load_points(sums + j, stride, x, column); },
        [&](int y, const Vec(&row)[3]) { store_points(diff_weights + j, tap_stride, y, row); });
  });
}

constexpr Stride2Kernels stride2_kernels = {
    .input = stride2_patch<Stride2Input, 4>,
    .gradient = stride2_patch<Stride2OutputAdjoint, 2>,
    .back_input = stride2_patch<Stride2BackInput, 2>,
    .output = stride2_output<Stride2Output>,
    .back_output = stride2_output<Stride2BackOutput>,
    .weights = stride2_weights,
    .weights_gradient = stride2_weights_gradient,
};

}  // namespace
}  // namespace cnnx
