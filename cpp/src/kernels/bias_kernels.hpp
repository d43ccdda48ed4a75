#pragma once

#include "kernels/bias_table.hpp"
#include "kernels/column_terms.hpp"
#include "kernels/elementwise.hpp"

namespace cnnx {
namespace {

template <typename Function>
CNNX_INLINE void map_columns(int64_t rows, int64_t c, const float* src, const float* bias,
                             float* dst, Function function) {
  for (int64_t r = 0; r < rows; ++r) map(c, src + r * c, bias, dst + r * c, function);
}

void bias_add(int64_t rows, int64_t c, const float* src, const float* bias, float* dst) {
  map_columns(rows, c, src, bias, dst, [](Vec x, Vec b) { return x + b; });
}
void bias_multiply(int64_t rows, int64_t c, const float* src, const float* bias, float* dst) {
  map_columns(rows, c, src, bias, dst, [](Vec x, Vec b) { return x * b; });
}

void add_products(int64_t rows, int64_t c, const float* a, const float* b, float* sums) {
  float* const to[] = {sums};
  add_to_columns(rows, c, to, [=](int64_t i, int64_t, int64_t left, Vec* acc) {
    acc[0] += load_upto(a + i, left) * load_upto(b + i, left);
  });
}

constexpr BiasKernels bias_kernels = {
    .add = bias_add,
    .multiply = bias_multiply,
    .add_products = add_products,
};

}  // namespace
}  // namespace cnnx
