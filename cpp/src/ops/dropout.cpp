#include "cnnx/dropout.hpp"

#include <algorithm>

#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

struct Words {
  uint32_t lane[4];
};

Words philox4x32_10(uint64_t counter, uint64_t seed) {
  uint32_t x[4] = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0};
  uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * x[0], b = uint64_t{0xCD9E8D57} * x[2];
    x[0] = static_cast<uint32_t>(b >> 32) ^ x[1] ^ key[0];
    x[1] = static_cast<uint32_t>(b);
    x[2] = static_cast<uint32_t>(a >> 32) ^ x[3] ^ key[1];
    x[3] = static_cast<uint32_t>(a);
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return {{x[0], x[1], x[2], x[3]}};
}

}  // namespace

void dropout(int64_t n, float rate, uint64_t seed, const float* src, float* dst) {
  // u / 2^32 >= rate, compared as integers.
  const auto threshold = static_cast<uint64_t>(static_cast<double>(rate) * 4294967296.0);
  const auto scale = static_cast<float>(1.0 / (1.0 - static_cast<double>(rate)));
  const int64_t blocks = (n + 3) / 4;
  parallel_for(threads_for(blocks, 4096), blocks, [=](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end; ++block) {
      const Words random = philox4x32_10(static_cast<uint64_t>(block), seed);
      const int64_t first = 4 * block, last = std::min(first + 4, n);
      for (int64_t i = first; i < last; ++i) {
        dst[i] = random.lane[i - first] >= threshold ? src[i] * scale : 0.0f;
      }
    }
  });
}

}  // namespace cnnx
