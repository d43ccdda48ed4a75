#include <gtest/gtest.h>

#include <tuple>

#include "cnnx/gemm.hpp"
#include "cnnx/runtime.hpp"
#include "gemm/sgemm.hpp"
#include "random_floats.hpp"

namespace cnnx {
namespace {

// m, n, k around the tile and block sizes of every instruction set.
using Shape = std::tuple<int, int, int>;

class Gemm : public testing::TestWithParam<Shape> {
 protected:
  ~Gemm() override {
    set_isa(available_isas().front());
    set_num_threads(0);
  }
};

// Whole numbers: every order of the sums gives the same floats, so the comparison is exact.
TEST_P(Gemm, EqualsTheTripleLoop) {
  const auto [m, n, k] = GetParam();
  const auto a = test::whole_floats(m * k, 1), b = test::whole_floats(k * n, 2);
  const auto bias = test::whole_floats(n, 3), before = test::whole_floats(m * n, 4);
  std::vector<float> expected(m * n);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      float sum = bias[j] + before[i * n + j];
      for (int p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
      expected[i * n + j] = sum;
    }
  }
  std::vector<float> a_transposed(a.size()), b_transposed(b.size());
  for (int p = 0; p < k; ++p) {
    for (int i = 0; i < m; ++i) a_transposed[p * m + i] = a[i * k + p];
    for (int j = 0; j < n; ++j) b_transposed[j * k + p] = b[p * n + j];
  }
  for (const std::string& isa : available_isas()) {
    set_isa(isa);
    for (int threads : {1, 2, 3}) {
      set_num_threads(threads);
      auto c = before;
      sgemm(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, bias.data(), c.data(), n, true);
      EXPECT_EQ(c, expected) << isa << ", " << threads << " threads";
      c = before;
      sgemm(m, n, k, {a_transposed.data(), 1, m}, {b_transposed.data(), 1, k}, bias.data(),
            c.data(), n, true);
      EXPECT_EQ(c, expected) << isa << ", " << threads << " threads, transposed";
    }
  }
}

TEST_P(Gemm, APackedBGivesTheSameBits) {
  const auto [m, n, k] = GetParam();
  const auto a = test::random_floats(m * k, 5), b = test::random_floats(k * n, 6);
  for (const std::string& isa : available_isas()) {
    set_isa(isa);
    const GemmTile& tile = gemm_tile_for(n);
    std::vector<float> packed(packed_b_size(tile, n, k));
    std::vector<float> c(m * n, -1.0f), expected(m * n, -2.0f);
    pack_whole_b(tile, {b.data(), n, 1}, n, k, packed.data());
    gemm_serial(tile, m, n, k, {a.data(), k, 1}, {}, packed.data(), nullptr, c.data(), n, false,
                nullptr);
    sgemm(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, nullptr, expected.data(), n, false);
    EXPECT_EQ(c, expected) << isa;
  }
}

TEST(GemmEdges, AnEmptySumLeavesTheBias) {
  const std::vector<float> bias = {1, 2, 3};
  std::vector<float> c(6, 9.0f);
  sgemm(2, 3, 0, {nullptr, 0, 1}, {nullptr, 3, 1}, bias.data(), c.data(), 3, false);
  EXPECT_EQ(c, (std::vector<float>{1, 2, 3, 1, 2, 3}));
}

TEST(GemmEdges, RowsOfAWiderMatrixAreLeftAlone) {
  const auto a = test::whole_floats(5 * 4, 7), b = test::whole_floats(4 * 3, 8);
  std::vector<float> c(5 * 10, 7.0f);
  sgemm(5, 3, 4, {a.data(), 4, 1}, {b.data(), 3, 1}, nullptr, c.data(), 10, false);
  for (int i = 0; i < 5; ++i) {
    for (int j = 3; j < 10; ++j) EXPECT_EQ(c[i * 10 + j], 7.0f);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Gemm,
                         testing::Values(Shape{1, 1, 1}, Shape{1, 10, 300}, Shape{7, 8, 25},
                                         Shape{14, 32, 64}, Shape{15, 33, 257}, Shape{97, 17, 5},
                                         Shape{200, 40, 600}, Shape{170, 1100, 30},
                                         Shape{3, 2050, 70}, Shape{128, 70, 300},
                                         Shape{129, 70, 40}));

}  // namespace
}  // namespace cnnx
