// Winograd's algorithm along rows alone, see kernel_table.hpp: the points of winograd_kernels.hpp
// serve kernels of 3 taps, F(4, 3), and of 5, F(2, 5). Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/winograd_kernels.hpp"

namespace cnnx {
namespace {

// The matrices for 5 taps and 2 outputs.
struct OutputMatrixOf2 {  // A^T
  static constexpr int kIn = 6, kOut = 2;
  CNNX_INLINE static void apply(const Vec (&m)[6], Vec (&y)[2]) {
    y[0] = m[0] + (m[1] + m[2]) + (m[3] + m[4]);
    y[1] = m[5] + kA * (m[1] - m[2]) + kB * (m[3] - m[4]);
  }
};

struct OutputAdjointOf2 {  // A
  static constexpr int kIn = 2, kOut = 6;
  CNNX_INLINE static void apply(const Vec (&y)[2], Vec (&m)[6]) {
    m[0] = y[0];
    m[1] = y[0] + kA * y[1];
    m[2] = y[0] - kA * y[1];
    m[3] = y[0] + kB * y[1];
    m[4] = y[0] - kB * y[1];
    m[5] = y[1];
  }
};

struct WeightsMatrixOf5 {  // G
  static constexpr int kIn = 5, kOut = 6;
  CNNX_INLINE static void apply(const Vec (&w)[5], Vec (&u)[6]) {
    u[0] = kG0 * w[0];
    const Vec even_a = kGA[0] * w[0] + kGA[2] * (w[2] + kA2 * w[4]);
    const Vec odd_a = kGA[1] * (w[1] + kA2 * w[3]);
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    const Vec even_b = kGB[0] * w[0] + kGB[2] * (w[2] + kB2 * w[4]);
    const Vec odd_b = kGB[1] * (w[1] + kB2 * w[3]);
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = w[4];
  }
};

struct WeightsAdjointOf5 {  // G^T
  static constexpr int kIn = 6, kOut = 5;
  CNNX_INLINE static void apply(const Vec (&u)[6], Vec (&w)[5]) {
    const Vec even_a = u[1] + u[2], odd_a = u[1] - u[2];
    const Vec even_b = u[3] + u[4], odd_b = u[3] - u[4];
    w[0] = kG0 * u[0] + kGA[0] * even_a + kGB[0] * even_b;
    w[1] = kGA[1] * odd_a + kGB[1] * odd_b;
    w[2] = kGA[2] * even_a + kGB[2] * even_b;
    w[3] = (kGA[1] * kA2) * odd_a + (kGB[1] * kB2) * odd_b;
    w[4] = u[5] + (kGA[2] * kA2) * even_a + (kGB[2] * kB2) * even_b;
  }
};

// Of tiles of a row, Advance pixels apart.
template <typename Matrix, int Advance>
void transform_row(int64_t c, int64_t tiles, const PixelRow& row, float* points, int64_t stride) {
  constexpr int kIn = Matrix::kIn, kOut = Matrix::kOut;
  int64_t first = row.first;
  for (int64_t t = 0; t < tiles; ++t, first += Advance, points += c) {
    const float* const src = row.pixels + first * c;
    const bool whole = first >= 0 && first + kIn <= row.width;
    for_each_vector(c, [&](int64_t j) {
      Vec in[kIn], out[kOut];
#pragma GCC unroll 6
      for (int x = 0; x < kIn; ++x) {
        const bool inside = whole || (first + x >= 0 && first + x < row.width);
        in[x] = inside ? load(src + x * c + j) : Vec{};
      }
      Matrix::apply(in, out);
#pragma GCC unroll 6
      for (int p = 0; p < kOut; ++p) store(points + p * stride + j, out[p]);
    });
  }
}

// The first `pixels` of them.
template <typename Matrix>
void row_output(int64_t c, int64_t pixels, const float* points, int64_t stride, const float* bias,
                float* dst) {
  constexpr int kIn = Matrix::kIn, kOut = Matrix::kOut;
  for (; pixels > 0; pixels -= kOut, points += c, dst += kOut * c) {
    for_each_vector(c, [&](int64_t j) {
      const Vec start = bias == nullptr ? Vec{} : load(bias + j);
      Vec in[kIn], out[kOut];
#pragma GCC unroll 6
      for (int p = 0; p < kIn; ++p) in[p] = load(points + p * stride + j);
      Matrix::apply(in, out);
#pragma GCC unroll 4
      for (int x = 0; x < kOut; ++x) {
        if (x < pixels) store(dst + x * c + j, out[x] + start);
      }
    });
  }
}

template <typename Matrix>
void row_weights(int64_t c, const float* weights, int64_t tap_stride, float* const* points) {
  for_each_vector(c, [&](int64_t j) {
    Vec in[Matrix::kIn], out[6];
#pragma GCC unroll 5
    for (int t = 0; t < Matrix::kIn; ++t) in[t] = load(weights + t * tap_stride + j);
    Matrix::apply(in, out);
#pragma GCC unroll 6
    for (int p = 0; p < 6; ++p) store(points[p] + j, out[p]);
  });
}

template <typename Matrix>
void row_weights_gradient(int64_t c, const float* sums, int64_t stride, float* diff_weights,
                          int64_t tap_stride) {
  for_each_vector(c, [&](int64_t j) {
    Vec in[6], out[Matrix::kOut];
#pragma GCC unroll 6
    for (int p = 0; p < 6; ++p) in[p] = load(sums + p * stride + j);
    Matrix::apply(in, out);
#pragma GCC unroll 5
    for (int t = 0; t < Matrix::kOut; ++t) store(diff_weights + t * tap_stride + j, out[t]);
  });
}

constexpr RowWinogradKernels row_winograd_of_3 = {
    .taps = 3,
    .tile = 4,
    .input = transform_row<InputMatrix, 4>,
    .gradient = transform_row<OutputAdjoint, 4>,
    .output = row_output<OutputMatrix>,
    .weights = row_weights<WeightsMatrix>,
    .weights_gradient = row_weights_gradient<WeightsAdjoint>,
};

constexpr RowWinogradKernels row_winograd_of_5 = {
    .taps = 5,
    .tile = 2,
    .input = transform_row<InputMatrix, 2>,
    .gradient = transform_row<OutputAdjointOf2, 2>,
    .output = row_output<OutputMatrixOf2>,
    .weights = row_weights<WeightsMatrixOf5>,
    .weights_gradient = row_weights_gradient<WeightsAdjointOf5>,
};

}  // namespace
}  // namespace cnnx
