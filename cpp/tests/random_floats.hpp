#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace cnnx::test {

inline std::vector<float> random_floats(int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(generator);
  return values;
}

// Small whole numbers: sums of their products are exact in float32.
inline std::vector<float> whole_floats(int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> digit(-4, 4);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = static_cast<float>(digit(generator));
  return values;
}

}  // namespace cnnx::test
