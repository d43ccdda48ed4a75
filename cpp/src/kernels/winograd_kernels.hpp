// Winograd's F(4x4, 3x3), see winograd_table.hpp: polynomials are evaluated at 0, a, -a, b, -b and
// infinity, multiplied point by point, and interpolated. a = 5/8 and b = 3/2 are exact and keep the
// rounding errors small. Included by kernels/<isa>/kernels.cpp alone.
#pragma once

#include "kernels/pool_kernels.hpp"
#include "kernels/register_tile.hpp"
#include "kernels/simd.hpp"
#include "kernels/winograd_table.hpp"

namespace cnnx {
namespace {

constexpr float kA = 0.625f, kA2 = kA * kA, kA3 = kA2 * kA;
constexpr float kB = 1.5f, kB2 = kB * kB, kB3 = kB2 * kB;

// The rows of G for 0, a and b: powers of the point by Lagrange's denominator.
constexpr double kDenominator0 = kA2 * kB2;
constexpr double kDenominatorA = 2 * kA2 * (kA2 - kB2);
constexpr double kDenominatorB = 2 * kB2 * (kB2 - kA2);
constexpr auto kG0 = static_cast<float>(1 / kDenominator0);
constexpr float kGA[3] = {static_cast<float>(1 / kDenominatorA),
                          static_cast<float>(kA / kDenominatorA),
                          static_cast<float>(kA2 / kDenominatorA)};
constexpr float kGB[3] = {static_cast<float>(1 / kDenominatorB),
                          static_cast<float>(kB / kDenominatorB),
                          static_cast<float>(kB2 / kDenominatorB)};

// The matrices of Winograd's algorithm, applied to a column of vectors: outputs are
// A^T ((G weights) * (B^T inputs)). An adjoint is the same for gradients.
struct InputMatrix {  // B^T
  static constexpr int kIn = 6, kOut = 6;
  CNNX_INLINE static void apply(const Vec (&d)[6], Vec (&t)[6]) {
    t[0] = d[4] - (kA2 + kB2) * d[2] + (kA2 * kB2) * d[0];
    const Vec even_a = d[4] - kB2 * d[2], odd_a = d[3] - kB2 * d[1];
    t[1] = even_a + kA * odd_a;
    t[2] = even_a - kA * odd_a;
    const Vec even_b = d[4] - kA2 * d[2], odd_b = d[3] - kA2 * d[1];
    t[3] = even_b + kB * odd_b;
    t[4] = even_b - kB * odd_b;
    t[5] = d[5] - (kA2 + kB2) * d[3] + (kA2 * kB2) * d[1];
  }
};

struct OutputMatrix {  // A^T
  static constexpr int kIn = 6, kOut = 4;
  CNNX_INLINE static void apply(const Vec (&m)[6], Vec (&y)[4]) {
    const Vec even_a = m[1] + m[2], odd_a = m[1] - m[2];
    const Vec even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = kA * odd_a + kB * odd_b;
    y[2] = kA2 * even_a + kB2 * even_b;
    y[3] = m[5] + kA3 * odd_a + kB3 * odd_b;
  }
};

struct OutputAdjoint {  // A
  static constexpr int kIn = 4, kOut = 6;
  CNNX_INLINE static void apply(const Vec (&y)[4], Vec (&m)[6]) {
    m[0] = y[0];
    const Vec even_a = y[0] + kA2 * y[2], odd_a = y[1] + kA2 * y[3];
    m[1] = even_a + kA * odd_a;
    m[2] = even_a - kA * odd_a;
    const Vec even_b = y[0] + kB2 * y[2], odd_b = y[1] + kB2 * y[3];
    m[3] = even_b + kB * odd_b;
    m[4] = even_b - kB * odd_b;
    m[5] = y[3];
  }
};

struct WeightsMatrix {  // G
  static constexpr int kIn = 3, kOut = 6;
  CNNX_INLINE static void apply(const Vec (&w)[3], Vec (&u)[6]) {
    u[0] = kG0 * w[0];
    const Vec even_a = kGA[0] * w[0] + kGA[2] * w[2];
    u[1] = even_a + kGA[1] * w[1];
    u[2] = even_a - kGA[1] * w[1];
    const Vec even_b = kGB[0] * w[0] + kGB[2] * w[2];
    u[3] = even_b + kGB[1] * w[1];
    u[4] = even_b - kGB[1] * w[1];
    u[5] = w[2];
  }
};

struct WeightsAdjoint {  // G^T
  static constexpr int kIn = 6, kOut = 3;
  CNNX_INLINE static void apply(const Vec (&u)[6], Vec (&w)[3]) {
    const Vec even_a = u[1] + u[2], odd_a = u[1] - u[2];
    const Vec even_b = u[3] + u[4], odd_b = u[3] - u[4];
    w[0] = kG0 * u[0] + kGA[0] * even_a + kGB[0] * even_b;
    w[1] = kGA[1] * odd_a + kGB[1] * odd_b;
    w[2] = u[5] + kGA[2] * even_a + kGB[2] * even_b;
  }
};

// Applies the matrix to the columns of a tile, then to the rows. load_column(x, column) fills one,
// store_row(y, row) takes one.
template <typename Matrix, typename LoadColumn, typename StoreRow>
CNNX_INLINE void transform(LoadColumn load_column, StoreRow store_row) {
  constexpr int kIn = Matrix::kIn, kOut = Matrix::kOut;
  Vec half[kOut][kIn];
#pragma GCC unroll 6
  for (int x = 0; x < kIn; ++x) {
    Vec in[kIn], out[kOut];
    load_column(x, in);
    Matrix::apply(in, out);
#pragma GCC unroll 6
    for (int y = 0; y < kOut; ++y) half[y][x] = out[y];
  }
#pragma GCC unroll 6
  for (int y = 0; y < kOut; ++y) {
    Vec row[kOut];
    Matrix::apply(half[y], row);
    store_row(y, row);
  }
}

// Calls body(j) for whole vectors of channels [j, j + kLanes); the last overlaps the one before if
// c is no multiple of kLanes.
template <typename Body>
CNNX_INLINE void for_each_vector(int64_t c, Body body) {
  for (int64_t j = 0; j < c; j += kLanes) body(j + kLanes <= c ? j : c - kLanes);
}

// All points of a tile, one after the other in its columns.
template <int Size>
CNNX_INLINE void load_points(const float* src, int64_t stride, int x, Vec (&column)[Size]) {
#pragma GCC unroll 6
  for (int y = 0; y < Size; ++y) column[y] = load(src + (y * Size + x) * stride);
}
template <int Size>
CNNX_INLINE void store_points(float* dst, int64_t stride, int y, const Vec (&row)[Size]) {
#pragma GCC unroll 6
  for (int x = 0; x < Size; ++x) store(dst + (y * Size + x) * stride, row[x]);
}

// The next tile usually lies beside: its pixels are fetched early, since neither they nor the
// outputs to be written are in the cache.
constexpr int64_t kTile = 4;

template <typename Matrix>
void transform_patch(int64_t c, const WinogradPatch& patch, float* dst, int64_t stride) {
  const auto with_columns = [&](auto is_inside) {
    for_each_vector(c, [&](int64_t j) {
      transform<Matrix>(
          [&](int x, Vec(&column)[Matrix::kIn]) {
#pragma GCC unroll 6
            for (int y = 0; y < Matrix::kIn; ++y) {
              column[y] = is_inside(x) ? load(patch.rows[y] + x * c + j) : Vec{};
              if (x + kTile >= Matrix::kIn) {
                __builtin_prefetch(patch.rows[y] + (x + kTile) * c + j);
              }
            }
          },
          [&](int y, const Vec(&row)[6]) { store_points(dst + j, stride, y, row); });
    });
  };
  if (patch.begin == 0 && patch.end == Matrix::kIn) {
    with_columns([](int) { return true; });
  } else {
    with_columns([&](int x) { return x >= patch.begin && x < patch.end; });
  }
}

// The same for a tile of pixels that 2x2 windows chose from. The first pixel is (FirstY, FirstX) of
// its window; known at compile time, so that a window is read once for all of its pixels.
template <typename Matrix, int FirstY, int FirstX>
void unpool_and_transform(int64_t c, const WinogradWindows& windows, float* dst, int64_t stride) {
  for_each_vector(c, [&](int64_t j) {
    transform<Matrix>(
        [&](int x, Vec(&column)[Matrix::kIn]) {
#pragma GCC unroll 6
          for (int y = 0; y < Matrix::kIn; ++y) {
            const int window = (FirstY + y) / 2 * 4 + (FirstX + x) / 2;
            const int32_t code = (FirstY + y) % 2 * 2 + (FirstX + x) % 2;
            const IntVec chosen = load_bytes(windows.codes[window] + j);
            column[y] = chosen == code ? load(windows.data[window] + j) : Vec{};
          }
        },
        [&](int y, const Vec(&row)[6]) { store_points(dst + j, stride, y, row); });
  });
}

void winograd_pooled_input(int64_t c, const WinogradWindows& windows, float* dst, int64_t stride) {
  using Kernel = decltype(&unpool_and_transform<InputMatrix, 0, 0>);
  constexpr Kernel kByFirst[2][2] = {
      {unpool_and_transform<InputMatrix, 0, 0>, unpool_and_transform<InputMatrix, 0, 1>},
      {unpool_and_transform<InputMatrix, 1, 0>, unpool_and_transform<InputMatrix, 1, 1>}};
  kByFirst[windows.first_y][windows.first_x](c, windows, dst, stride);
}

void winograd_output(int64_t c, const float* src, int64_t stride, const float* bias,
                     const WinogradOutput& output) {
  const Vec least = broadcast(output.range.least), most = broadcast(output.range.most);
  for_each_vector(c, [&](int64_t j) {
    const Vec start = bias == nullptr ? Vec{} : load(bias + j);
    transform<OutputMatrix>(
        [&](int x, Vec(&column)[6]) { load_points(src + j, stride, x, column); },
        [&](int y, const Vec(&row)[4]) {
          if (y >= output.rows) return;
          const int64_t first = y * output.row_stride + j;
#pragma GCC unroll 4
          for (int x = 0; x < 4; ++x) {
            float* const dst = output.dst + first + x * output.pixel_stride;
            if (x < output.cols) {
              Vec sum = row[x] + start;
              if (output.addend != nullptr)
                sum += load(output.addend + first + x * output.pixel_stride);
              store(dst, clip(sum, least, most));
            }
            __builtin_prefetch(dst + kTile * output.pixel_stride, 1);
          }
        });
  });
}

void winograd_pooled_output(int64_t c, const float* src, int64_t stride, const float* bias,
                            const WinogradOutput& output) {
  const Vec least = broadcast(output.range.least), most = broadcast(output.range.most);
  for_each_vector(c, [&](int64_t j) {
    const Vec start = bias == nullptr ? Vec{} : load(bias + j);
    Vec above[4];
    transform<OutputMatrix>(
        [&](int x, Vec(&column)[6]) { load_points(src + j, stride, x, column); },
        [&](int y, const Vec(&row)[4]) {
          if (y % 2 == 0) {
#pragma GCC unroll 4
            for (int x = 0; x < 4; ++x) above[x] = row[x];
            return;
          }
          if (y / 2 >= output.rows) return;
          const int64_t offset = y / 2 * output.row_stride + j;
#pragma GCC unroll 2
          for (int x = 0; x < 2; ++x) {
            if (x >= output.cols) continue;
            const Largest largest =
                largest_of({above[2 * x], above[2 * x + 1], row[2 * x], row[2 * x + 1]});
            store(output.dst + offset + x * output.pixel_stride,
                  clip(largest.value + start, least, most));
            if (output.codes != nullptr) {
              store_bytes(output.codes + offset + x * output.pixel_stride, largest.code);
            }
          }
        });
  });
}

void winograd_weights(int64_t c, const float* weights, int64_t tap_stride, float* dst,
                      int64_t stride) {
  for_each_vector(c, [&](int64_t j) {
    transform<WeightsMatrix>(
        [&](int x, Vec(&column)[3]) { load_points(weights + j, tap_stride, x, column); },
        [&](int y, const Vec(&row)[6]) { store_points(dst + j, stride, y, row); });
  });
}

void winograd_weights_gradient(int64_t c, const float* src, int64_t stride, float* diff_weights,
                               int64_t tap_stride) {
  for_each_vector(c, [&](int64_t j) {
    transform<WeightsAdjoint>(
        [&](int x, Vec(&column)[6]) { load_points(src + j, stride, x, column); },
        [&](int y, const Vec(&row)[3]) { store_points(diff_weights + j, tap_stride, y, row); });
  });
}

constexpr WinogradKernels winograd_kernels = {
    .input = transform_patch<InputMatrix>,
    .pooled_input = winograd_pooled_input,
    .gradient = transform_patch<OutputAdjoint>,
    .pooled_gradient = unpool_and_transform<OutputAdjoint, 0, 0>,
    .output = winograd_output,
    .pooled_output = winograd_pooled_output,
    .weights = winograd_weights,
    .weights_gradient = winograd_weights_gradient,
};

}  // namespace
}  // namespace cnnx
