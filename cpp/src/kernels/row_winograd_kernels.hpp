// Winograd's algorithm along rows alone, see winograd_table.hpp: F(6, 3) for kernels of 3 taps and
// F(4, 5) for those of 5. Polynomials are evaluated at 0, 1/2, -1/2, 1, -1, 2, -2 and infinity:
// powers of two are exact. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/register_tile.hpp"
#include "kernels/winograd_kernels.hpp"
#include "kernels/winograd_table.hpp"

namespace cnnx {
namespace {

// Pairs of points, each with its negative, and their powers.
constexpr int kPairs = 3, kRowPoints = 2 * kPairs + 2;
constexpr float kPowers[kPairs][6] = {{1, 1 / 2.0f, 1 / 4.0f, 1 / 8.0f, 1 / 16.0f, 1 / 32.0f},
                                      {1, 1, 1, 1, 1, 1},
                                      {1, 2, 4, 8, 16, 32}};

// Of the squares of the points: the sum and product of all, and of all but those of a pair.
constexpr float kSquares = 21 / 4.0f;
constexpr float kOtherSums[kPairs] = {5, 17 / 4.0f, 5 / 4.0f};
constexpr float kOtherProducts[kPairs] = {4, 1, 1 / 4.0f};
// One by Lagrange's denominators.
constexpr float kLagrange[kPairs] = {32 / 45.0f, -2 / 9.0f, 1 / 90.0f};

// The matrices of the algorithm, as in winograd_kernels.hpp.
struct RowInputMatrix {  // B^T
  static constexpr int kIn = kRowPoints, kOut = kRowPoints;
  CNNX_INLINE static void apply(const Vec (&d)[kIn], Vec (&t)[kOut]) {
    t[0] = d[0] - d[6] + kSquares * (d[4] - d[2]);
#pragma GCC unroll 3
    for (int i = 0; i < kPairs; ++i) {
      const Vec even = d[6] - kOtherSums[i] * d[4] + kOtherProducts[i] * d[2];
      const Vec odd = d[5] - kOtherSums[i] * d[3] + kOtherProducts[i] * d[1];
      t[2 * i + 1] = even + kPowers[i][1] * odd;
      t[2 * i + 2] = even - kPowers[i][1] * odd;
    }
    t[7] = d[7] - d[1] + kSquares * (d[3] - d[5]);
  }
};

// x[i] = the sums of the even, or odd, powers of each pair of points times the sums, or
// differences, of what belongs to them.
template <int Count>
CNNX_INLINE void sum_powers(const Vec (&points)[kRowPoints], const float (&factors)[kPairs],
                            Vec (&x)[Count]) {
#pragma GCC unroll 6
  for (int k = 0; k < Count; ++k) x[k] = Vec{};
#pragma GCC unroll 3
  for (int i = 0; i < kPairs; ++i) {
    const Vec even = points[2 * i + 1] + points[2 * i + 2];
    const Vec odd = points[2 * i + 1] - points[2 * i + 2];
#pragma GCC unroll 6
    for (int k = 0; k < Count; ++k) x[k] += factors[i] * kPowers[i][k] * (k % 2 == 0 ? even : odd);
  }
}
// Its adjoint.
template <int Count>
CNNX_INLINE void take_powers(const Vec (&x)[Count], const float (&factors)[kPairs],
                             Vec (&points)[kRowPoints]) {
#pragma GCC unroll 3
  for (int i = 0; i < kPairs; ++i) {
    Vec even = factors[i] * x[0], odd = factors[i] * kPowers[i][1] * x[1];
#pragma GCC unroll 6
    for (int k = 2; k < Count; ++k) (k % 2 == 0 ? even : odd) += factors[i] * kPowers[i][k] * x[k];
    points[2 * i + 1] = even + odd;
    points[2 * i + 2] = even - odd;
  }
}

constexpr float kOnes[kPairs] = {1, 1, 1};

template <int Outputs>
struct RowOutputMatrix {  // A^T
  static constexpr int kIn = kRowPoints, kOut = Outputs;
  CNNX_INLINE static void apply(const Vec (&m)[kIn], Vec (&y)[kOut]) {
    sum_powers(m, kOnes, y);
    y[0] += m[0];
    y[kOut - 1] += m[7];
  }
};

template <int Outputs>
struct RowOutputAdjoint {  // A
  static constexpr int kIn = Outputs, kOut = kRowPoints;
  CNNX_INLINE static void apply(const Vec (&y)[kIn], Vec (&m)[kOut]) {
    take_powers(y, kOnes, m);
    m[0] = y[0];
    m[7] = y[kIn - 1];
  }
};

template <int Taps>
struct RowWeightsMatrix {  // G
  static constexpr int kIn = Taps, kOut = kRowPoints;
  CNNX_INLINE static void apply(const Vec (&w)[kIn], Vec (&u)[kOut]) {
    take_powers(w, kLagrange, u);
    u[0] = w[0];
    u[7] = w[kIn - 1];
  }
};

template <int Taps>
struct RowWeightsAdjoint {  // G^T
  static constexpr int kIn = kRowPoints, kOut = Taps;
  CNNX_INLINE static void apply(const Vec (&u)[kIn], Vec (&w)[kOut]) {
    sum_powers(u, kLagrange, w);
    w[0] += u[0];
    w[kOut - 1] += u[7];
  }
};

// Of a tile, whose pixels are src and those after it: those that is_inside(x), and zeros.
template <typename Matrix, typename IsInside>
CNNX_INLINE void transform_pixels(int64_t c, const float* src, float* points, int64_t stride,
                                  IsInside is_inside) {
  constexpr int kIn = Matrix::kIn, kOut = Matrix::kOut;
  for_each_vector(c, [&](int64_t j) {
    Vec in[kIn], out[kOut];
#pragma GCC unroll 8
    for (int x = 0; x < kIn; ++x) in[x] = is_inside(x) ? load(src + x * c + j) : Vec{};
    Matrix::apply(in, out);
#pragma GCC unroll 8
    for (int p = 0; p < kOut; ++p) store(points + p * stride + j, out[p]);
  });
}

// Of tiles of a row, Advance pixels apart.
template <typename Matrix, int Advance>
void transform_row(int64_t c, int64_t tiles, const PixelRow& row, float* points, int64_t stride) {
  int64_t first = row.first;
  for (int64_t t = 0; t < tiles; ++t, first += Advance, points += c) {
    const float* const src = row.pixels + first * c;
    if (first >= 0 && first + Matrix::kIn <= row.width) {
      transform_pixels<Matrix>(c, src, points, stride, [](int) { return true; });
    } else {
      transform_pixels<Matrix>(c, src, points, stride,
                               [&](int x) { return first + x >= 0 && first + x < row.width; });
    }
  }
}

// The first `count` outputs, or windows of two of them. store_at(outputs, x, place, j) stores
// number x of a tile, from channel j on.
template <typename Matrix, int Window, typename Store>
CNNX_INLINE void row_outputs(int64_t c, int64_t count, const float* points, int64_t stride,
                             Store store_at) {
  constexpr int kIn = Matrix::kIn, kOut = Matrix::kOut, kWindows = kOut / Window;
  for (int64_t first = 0; first < count; first += kWindows, points += c) {
    for_each_vector(c, [&](int64_t j) {
      Vec in[kIn], out[kOut];
#pragma GCC unroll 8
      for (int p = 0; p < kIn; ++p) in[p] = load(points + p * stride + j);
      Matrix::apply(in, out);
#pragma GCC unroll 6
      for (int x = 0; x < kWindows; ++x) {
        if (first + x < count) store_at(out, x, (first + x) * c + j, j);
      }
    });
  }
}

template <typename Matrix>
void row_output(int64_t c, int64_t pixels, const float* points, int64_t stride, const float* bias,
                Range range, float* dst) {
  const Vec least = broadcast(range.least), most = broadcast(range.most);
  row_outputs<Matrix, 1>(c, pixels, points, stride,
                         [&](const Vec(&out)[Matrix::kOut], int x, int64_t place, int64_t j) {
                           const Vec start = bias == nullptr ? Vec{} : load(bias + j);
                           store(dst + place, clip(out[x] + start, least, most));
                         });
}

template <typename Matrix>
void row_pooled_output(int64_t c, int64_t windows, const float* points, int64_t stride,
                       const float* bias, Range range, float* dst, uint8_t* codes) {
  const Vec least = broadcast(range.least), most = broadcast(range.most);
  row_outputs<Matrix, 2>(c, windows, points, stride,
                         [&](const Vec(&out)[Matrix::kOut], int x, int64_t place, int64_t j) {
                           const Vec start = bias == nullptr ? Vec{} : load(bias + j);
                           const Largest largest = largest_of({out[2 * x], out[2 * x + 1]});
                           store(dst + place, clip(largest.value + start, least, most));
                           if (codes != nullptr) store_bytes(codes + place, largest.code);
                         });
}

template <typename Matrix>
void row_weights(int64_t c, const float* weights, int64_t tap_stride, float* const* points) {
  for_each_vector(c, [&](int64_t j) {
    Vec in[Matrix::kIn], out[kRowPoints];
#pragma GCC unroll 5
    for (int t = 0; t < Matrix::kIn; ++t) in[t] = load(weights + t * tap_stride + j);
    Matrix::apply(in, out);
#pragma GCC unroll 8
    for (int p = 0; p < kRowPoints; ++p) store(points[p] + j, out[p]);
  });
}

template <typename Matrix>
void row_weights_gradient(int64_t c, const float* sums, int64_t stride, float* diff_weights,
                          int64_t tap_stride) {
  for_each_vector(c, [&](int64_t j) {
    Vec in[kRowPoints], out[Matrix::kOut];
#pragma GCC unroll 8
    for (int p = 0; p < kRowPoints; ++p) in[p] = load(sums + p * stride + j);
    Matrix::apply(in, out);
#pragma GCC unroll 5
    for (int t = 0; t < Matrix::kOut; ++t) store(diff_weights + t * tap_stride + j, out[t]);
  });
}

template <int Taps, int Outputs = kRowPoints - Taps + 1>
constexpr RowWinogradKernels row_winograd_of() {
  return {
      .taps = Taps,
      .tile = Outputs,
      .input = transform_row<RowInputMatrix, Outputs>,
      .gradient = transform_row<RowOutputAdjoint<Outputs>, Outputs>,
      .output = row_output<RowOutputMatrix<Outputs>>,
      .pooled_output = row_pooled_output<RowOutputMatrix<Outputs>>,
      .weights = row_weights<RowWeightsMatrix<Taps>>,
      .weights_gradient = row_weights_gradient<RowWeightsAdjoint<Taps>>,
  };
}

}  // namespace
}  // namespace cnnx
