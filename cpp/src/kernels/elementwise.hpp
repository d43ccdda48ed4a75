// Loops over n floats that hand vectors to a function. One body serves the short end too, so that
// a value does not depend on where in the array, or in which thread's range, it stands.
#pragma once

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

// size, -size or 0, with the sign of v.
CNNX_INLINE Vec signed_as(Vec v, float size) {
  const Vec positive = v > 0.0f ? broadcast(size) : Vec{};
  return v < 0.0f ? broadcast(-size) : positive;
}

template <typename Function>
CNNX_INLINE void map(int64_t n, const float* a, float* out, Function function) {
  for (int64_t i = 0; i < n; i += kLanes) {
    store_upto(out + i, function(load_upto(a + i, n - i)), n - i);
  }
}

template <typename Function>
CNNX_INLINE void map(int64_t n, const float* a, const float* b, float* out, Function function) {
  for (int64_t i = 0; i < n; i += kLanes) {
    store_upto(out + i, function(load_upto(a + i, n - i), load_upto(b + i, n - i)), n - i);
  }
}

}  // namespace
}  // namespace cnnx
