#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/memory.hpp"
#include "tests/random_floats.hpp"

namespace cnnx::bench {

// An array in memory of the kind that a model's arrays have.
class Floats {
 public:
  explicit Floats(int64_t n) : memory_(allocate(static_cast<size_t>(n) * sizeof(float))) {
    std::fill_n(data(), n, 0.0f);
  }
  float* data() { return static_cast<float*>(memory_.get()); }
  const float* data() const { return static_cast<const float*>(memory_.get()); }

 private:
  Memory memory_;
};

inline Floats random_floats(int64_t n, unsigned seed) {
  Floats floats(n);
  std::ranges::copy(test::random_floats(n, seed), floats.data());
  return floats;
}

}  // namespace cnnx::bench
