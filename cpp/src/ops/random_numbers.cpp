#include "cnnx/random_numbers.hpp"

#include <algorithm>
#include <array>

namespace cnnx {
namespace {

using Words = std::array<uint32_t, 4>;

Words philox(Words x, uint64_t seed) {
  auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * x[0], b = uint64_t{0xCD9E8D57} * x[2];
    x = {static_cast<uint32_t>(b >> 32) ^ x[1] ^ key0, static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ x[3] ^ key1, static_cast<uint32_t>(a)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return x;
}

}  // namespace

void uniform_numbers(int64_t rows, int64_t count, uint64_t seed, float* dst) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < count; i += 4) {
      const Words words = philox({static_cast<uint32_t>(i / 4), 0, static_cast<uint32_t>(row),
                                  static_cast<uint32_t>(row >> 32)},
                                 seed);
      const int64_t here = std::min<int64_t>(count - i, 4);
      for (size_t j = 0; j < static_cast<size_t>(here); ++j) {
        *dst++ = static_cast<float>(words[j] >> 8) * 0x1p-24f;
      }
    }
  }
}

}  // namespace cnnx
