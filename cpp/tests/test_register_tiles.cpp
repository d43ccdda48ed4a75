// Every register tile of every instruction set, in every size, against its definition. A matrix
// product or a convolution meets few of the sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cnnx/runtime.hpp"
#include "kernels/kernel_table.hpp"
#include "random_floats.hpp"

namespace cnnx {
namespace {

constexpr float kUntouched = -99.0f;

// Calls body(isa) with each in use.
template <typename Body>
void for_each_isa(Body body) {
  for (const std::string& isa : available_isas()) {
    set_isa(isa);
    SCOPED_TRACE(isa);
    body();
  }
  set_isa(available_isas().front());
}

void check(const GemmTile& tile, int64_t rows, int64_t cols, bool accumulate, bool has_bias) {
  constexpr int64_t kDepth = 5;
  const int64_t stride = cols + 1;
  const std::vector<float> a = test::whole_floats(rows * kDepth, 1),
                           b = test::whole_floats(kDepth * stride, 2),
                           bias = test::whole_floats(cols, 3);
  std::vector<float> c(rows * stride, kUntouched), expected = c;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      float sum = (accumulate ? kUntouched : 0) + (has_bias ? bias[j] : 0);
      for (int64_t p = 0; p < kDepth; ++p) sum += a[i * kDepth + p] * b[p * stride + j];
      expected[i * stride + j] = sum;
    }
  }
  tile.microkernel(kDepth,
                   {.a = a.data(),
                    .a_row_stride = kDepth,
                    .a_col_stride = 1,
                    .b = b.data(),
                    .b_row_stride = stride,
                    .bias = has_bias ? bias.data() : nullptr,
                    .c = c.data(),
                    .c_row_stride = stride,
                    .accumulate = accumulate,
                    .ahead = nullptr,
                    .ahead_lines = 0},
                   rows, cols);
  EXPECT_EQ(c, expected) << rows << " of " << tile.mr << " rows, " << cols << " of " << tile.nr
                         << " columns";
}

void check(const ConvTile& tile, int64_t pixels, int64_t cols, bool accumulate, bool has_bias,
           Range range = {}, int64_t ahead_lines = 2) {
  constexpr int64_t kPixelStride = 3;
  const int64_t offsets[] = {0, 40};
  const int64_t floats = tile.steps > 1 ? tile.steps * kPixelStride : kStretchFloats + 4;
  const std::vector<float> src = test::whole_floats(offsets[1] + pixels * kPixelStride + floats, 1),
                           weights = test::whole_floats(2 * floats * tile.channels, 2),
                           bias = test::whole_floats(cols, 3);
  const ConvRuns runs{2, floats, offsets, range, weights.data(), ahead_lines};
  const int64_t stride = cols + 1;
  const std::vector<float> dst(pixels * stride, kUntouched);
  std::vector<float> expected = dst;
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t c = 0; c < cols; ++c) {
      float sum = (accumulate ? kUntouched : 0) + (has_bias ? bias[c] : 0);
      for (int64_t r = 0; r < runs.count; ++r) {
        for (int64_t p = 0; p < floats; ++p) {
          sum += src[offsets[r] + i * kPixelStride + p] *
                 weights[(r * floats + p) * tile.channels + c];
        }
      }
      expected[i * stride + c] = std::clamp(sum, range.least, range.most);
    }
  }
  const std::vector<float> apart(dst.size(), kUntouched);
  for (const bool in_place : {true, false}) {
    std::vector<float> made = dst;
    const float* const addend = in_place ? made.data() : apart.data();
    tile.microkernel(runs, src.data(), kPixelStride, weights.data(),
                     has_bias ? bias.data() : nullptr, made.data(), stride, pixels, cols,
                     accumulate ? addend : nullptr);
    EXPECT_EQ(made, expected) << pixels << " of " << tile.pixels << " pixels, " << cols << " of "
                              << tile.channels << " channels, " << tile.steps << " steps"
                              << (in_place ? "" : ", an addend apart");
  }
}

// In every size, and whatever the accumulators are added to.
template <typename Tile>
void check_sizes(const Tile& tile, int64_t rows, int64_t cols) {
  for (int64_t row = 1; row <= rows; ++row) {
    for (int64_t width = 1; width <= cols; ++width) {
      for (const bool accumulate : {false, true}) {
        for (const bool has_bias : {false, true}) check(tile, row, width, accumulate, has_bias);
      }
    }
  }
}

TEST(RegisterTiles, ProductsEqualTheirDefinition) {
  for_each_isa([] {
    for (const GemmTile& tile : {kernels().gemm_wide, kernels().gemm_narrow}) {
      check_sizes(tile, tile.mr, tile.nr);
    }
  });
}

TEST(RegisterTiles, ConvolutionsEqualTheirDefinition) {
  for_each_isa([] {
    for (const ConvTile& tile : kernels().conv) check_sizes(tile, tile.pixels, tile.channels);
  });
}

TEST(RegisterTiles, ConvolutionsOfManyPixelsTakeSeveral) {
  for_each_isa([] {
    for (const ConvTile& tile : kernels().conv) {
      for (int64_t pixels = 1; pixels <= 3 * tile.pixels; ++pixels) {
        for (const int64_t cols : {tile.channels, tile.channels - 1}) {
          for (const bool accumulate : {false, true}) {
            for (const bool has_bias : {false, true}) {
              check(tile, pixels, cols, accumulate, has_bias, {}, 0);
              if (tile.steps == 1) check(tile, pixels, cols, accumulate, has_bias, {-9, 12}, 0);
            }
          }
        }
      }
    }
  });
}

void check(const ConvWeightsTile& tile, int64_t taps, int64_t cols) {
  const ConvRows rows{.images = 2,
                      .count = 2,
                      .pixels = tile.steps + 2,
                      .src_image_stride = 300,
                      .src_row_stride = 120,
                      .src_stride = 4,
                      .dst_row_stride = (tile.steps + 2) * (cols + 2),
                      .dst_stride = cols + 2};
  const ConvTaps part{
      .taps = taps, .run_stride = 30, .run_taps = tile.steps * (taps + 1), .step_taps = taps + 1};
  const int64_t ldw = cols + 1;
  const std::vector<float> src = test::whole_floats(900, 1),
                           diff_dst = test::whole_floats(4 * rows.dst_row_stride, 2);
  std::vector<float> diff_weights(tile.runs * part.run_taps * ldw, kUntouched),
      expected = diff_weights;
  for (int64_t run = 0; run < tile.runs; ++run) {
    for (int64_t s = 0; s < tile.steps; ++s) {
      for (int64_t i = 0; i < taps; ++i) {
        for (int64_t c = 0; c < cols; ++c) {
          float sum = 0;
          for (int64_t y = 0; y < rows.images * rows.count; ++y) {
            const float* const x = src.data() + y / rows.count * rows.src_image_stride +
                                   y % rows.count * rows.src_row_stride + run * part.run_stride + i;
            const float* const dy = diff_dst.data() + y * rows.dst_row_stride + c;
            for (int64_t p = 0; p < rows.pixels; ++p) {
              sum += x[(p + s) * rows.src_stride] * dy[p * rows.dst_stride];
            }
          }
          expected[(run * part.run_taps + s * part.step_taps + i) * ldw + c] += sum;
        }
      }
    }
  }
  tile.microkernel(rows, part, src.data(), diff_dst.data(), diff_weights.data(), ldw, cols);
  EXPECT_EQ(diff_weights, expected)
      << taps << " of " << tile.taps << " taps, " << tile.steps << " steps, " << tile.runs
      << " runs, " << cols << " of " << tile.channels << " channels";
}

TEST(RegisterTiles, GradientsOfWeightsEqualTheirDefinition) {
  for_each_isa([] {
    for (const ConvWeightsTile& tile : kernels().conv_weights) {
      for (int64_t taps = 1; taps <= tile.taps; ++taps) {
        for (int64_t cols = 1; cols <= tile.channels; ++cols) check(tile, taps, cols);
      }
    }
  });
}

}  // namespace
}  // namespace cnnx
