#include <gtest/gtest.h>

#include "cnnx/runtime.hpp"
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

TEST(Pack, ATransposedMatrixPacksAsTheMatrixItself) {
  for (const std::string& isa : available_isas()) {
    set_isa(isa);
    for (const int k : {1, 3, 16, 37}) {
      for (const int n : {1, 5, 32, 71}) {
        const auto b = test::random_floats(k * n, 3);
        std::vector<float> transposed(b.size());
        for (int p = 0; p < k; ++p) {
          for (int j = 0; j < n; ++j) transposed[j * k + p] = b[p * n + j];
        }
        constexpr int kPanel = 24;
        const size_t size = static_cast<size_t>((n + kPanel - 1) / kPanel * kPanel * k);
        std::vector<float> packed(size, -1.0f), packed_transposed(size, -2.0f);
        pack_b({b.data(), n, 1}, k, n, kPanel, packed.data());
        pack_b({transposed.data(), 1, k}, k, n, kPanel, packed_transposed.data());
        EXPECT_EQ(packed, packed_transposed) << isa << ", " << k << " x " << n;
      }
    }
  }
  set_isa(available_isas().front());
}

}  // namespace
}  // namespace cnnx
