#include <gtest/gtest.h>

#include "gemm/pack.hpp"
#include "random_floats.hpp"

namespace cnnx {
namespace {

// b (5, 7) in panels of 3 columns: the last panel holds one column and two of zeros.
TEST(Pack, BPanelsAreContiguousAndZeroPadded) {
  const auto b = test::random_floats(5 * 7, 1);
  std::vector<float> packed(3 * 5 * 3, -1.0f);
  pack_b({b.data(), 7, 1}, 5, 7, 3, packed.data());
  for (int panel = 0; panel < 3; ++panel) {
    for (int p = 0; p < 5; ++p) {
      for (int j = 0; j < 3; ++j) {
        const int col = panel * 3 + j;
        EXPECT_EQ(packed[panel * 15 + p * 3 + j], col < 7 ? b[p * 7 + col] : 0.0f);
      }
    }
  }
}

TEST(Pack, ATransposesIntoPanelsOfRows) {
  const auto a = test::random_floats(7 * 4, 2);
  std::vector<float> packed(2 * 4 * 6, -1.0f);
  pack_a({a.data(), 4, 1}, 7, 4, 6, packed.data());
  for (int panel = 0; panel < 2; ++panel) {
    for (int p = 0; p < 4; ++p) {
      for (int i = 0; i < 6; ++i) {
        const int row = panel * 6 + i;
        EXPECT_EQ(packed[panel * 24 + p * 6 + i], row < 7 ? a[row * 4 + p] : 0.0f);
      }
    }
  }
}

TEST(Pack, ATransposedMatrixPacksAsTheMatrixItself) {
  const auto a = test::random_floats(9 * 5, 3);
  std::vector<float> transposed(a.size());
  for (int i = 0; i < 9; ++i) {
    for (int p = 0; p < 5; ++p) transposed[p * 9 + i] = a[i * 5 + p];
  }
  std::vector<float> packed(3 * 5 * 4), packed_transposed(packed.size());
  pack_a({a.data(), 5, 1}, 9, 5, 4, packed.data());
  pack_a({transposed.data(), 1, 9}, 9, 5, 4, packed_transposed.data());
  EXPECT_EQ(packed, packed_transposed);
}

}  // namespace
}  // namespace cnnx
