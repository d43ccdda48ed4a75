#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/kernel_table.hpp"

namespace cnnx {
namespace {

void add(int64_t n, const float* a, const float* b, float* dst) {
  map(n, a, b, dst, [](Vec x, Vec y) { return x + y; });
}

}  // namespace
}  // namespace cnnx
