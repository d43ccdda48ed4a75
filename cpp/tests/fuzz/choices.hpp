#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cnnx/runtime.hpp"

namespace cnnx::test {

// The fuzzer's bytes, spent one by one on the choices that make up a case.
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data), end_(data + size) {}

  // In [low, high].
  int64_t number(int64_t low, int64_t high) { return low + byte() % (high - low + 1); }

  // Mostly small; sometimes as far as the Python interface lets it be.
  int64_t distance(int64_t low) {
    const int64_t value = number(low, low + 15);
    return value < low + 14 ? value : (int64_t{1} << number(4, 31)) - 1;
  }

  template <typename T, size_t N>
  const T& among(const T (&options)[N]) {
    return options[number(0, N - 1)];
  }

  void use_backend() {
    const std::vector<std::string> isas = available_isas();
    set_isa(isas[number(0, static_cast<int64_t>(isas.size()) - 1)]);
    set_num_threads(number(0, 7) == 0 ? 3 : 1);
  }

 private:
  uint8_t byte() { return data_ == end_ ? 0 : *data_++; }

  const uint8_t* data_;
  const uint8_t* end_;
};

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s differs from its definition\n", what);
  std::abort();
}

}  // namespace cnnx::test
