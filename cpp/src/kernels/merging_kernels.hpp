// Elementwise over several arrays.
#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/merging_table.hpp"

namespace cnnx {
namespace {

void add(int64_t n, const float* a, const float* b, float* dst) {
  map(n, a, b, dst, [](Vec x, Vec y) { return x + y; });
}

// dst = what `merge` makes of the arrays one after the other: it puts the vector of array k to the
// result of those before, whose first vector `start` makes. Four vectors at a time, so that an
// array's address and factor are read once for them.
template <int Vectors, typename RowOf, typename Start, typename Merge>
CNNX_INLINE void merge_vectors(int64_t left, int64_t count, float* dst, RowOf row_of, Start start,
                               Merge merge) {
  Vec result[Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    result[v] = start(load_upto(row_of(0) + v * kLanes, left - v * kLanes));
  }
  for (int64_t k = 1; k < count; ++k) {
    const float* const row = row_of(k);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      result[v] = merge(k, result[v], load_upto(row + v * kLanes, left - v * kLanes));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) store_upto(dst + v * kLanes, result[v], left - v * kLanes);
}

template <typename RowOf, typename Start, typename Merge>
CNNX_INLINE void merge_arrays(int64_t n, int64_t count, float* dst, RowOf row_of, Start start,
                              Merge merge) {
  constexpr int kVectors = 4;
  int64_t i = 0;
  const auto from_i = [&](int64_t k) { return row_of(k) + i; };
  for (; n - i >= kVectors * kLanes; i += kVectors * kLanes) {
    merge_vectors<kVectors>(kVectors * kLanes, count, dst + i, from_i, start, merge);
  }
  for (; i < n; i += kLanes) merge_vectors<1>(n - i, count, dst + i, from_i, start, merge);
}

template <typename RowOf>
CNNX_INLINE void sum_of(int64_t n, int64_t count, const float* factors, float* dst, RowOf row_of) {
  merge_arrays(
      n, count, dst, row_of, [=](Vec x) { return x * factors[0]; },
      [=](int64_t k, Vec sum, Vec x) { return sum + x * factors[k]; });
}

void weighted_sum(int64_t n, int64_t count, const float* const* srcs, int64_t first,
                  const float* factors, float* dst) {
  sum_of(n, count, factors, dst + first, [=](int64_t k) { return srcs[k] + first; });
}

void weighted_rows(int64_t n, int64_t count, const float* src, int64_t row_stride,
                   const float* factors, float* dst) {
  sum_of(n, count, factors, dst, [=](int64_t k) { return src + k * row_stride; });
}

void product(int64_t n, int64_t count, const float* const* srcs, int64_t first, float* dst) {
  merge_arrays(
      n, count, dst + first, [=](int64_t k) { return srcs[k] + first; }, [](Vec x) { return x; },
      [](int64_t, Vec product, Vec x) { return product * x; });
}

// Whether x is larger than the best so far; NaN is larger than any number.
CNNX_INLINE IntVec is_better(Vec x, Vec best) { return ~(x <= best) & (best == best); }

void maximum(int64_t n, int64_t count, const float* const* srcs, int64_t first, float* dst) {
  merge_arrays(
      n, count, dst + first, [=](int64_t k) { return srcs[k] + first; }, [](Vec x) { return x; },
      [](int64_t, Vec best, Vec x) { return is_better(x, best) ? x : best; });
}

void maximum_backward(int64_t n, int64_t count, const float* const* srcs, int64_t first,
                      const float* diff_dst, float* const* diff_srcs) {
  for (int64_t i = first; i < first + n; i += kLanes) {
    const int64_t left = first + n - i;
    const Vec gradient = load_upto(diff_dst + i, left);
    Vec best = load_upto(srcs[0] + i, left);
    IntVec chosen{};
    for (int64_t k = 1; k < count; ++k) {
      const Vec x = load_upto(srcs[k] + i, left);
      const IntVec better = is_better(x, best);
      best = better ? x : best;
      chosen = better ? IntVec{} + static_cast<int32_t>(k) : chosen;
    }
    for (int64_t k = 0; k < count; ++k) {
      if (diff_srcs[k] == nullptr) continue;
      store_upto(diff_srcs[k] + i, chosen == static_cast<int32_t>(k) ? gradient : Vec{}, left);
    }
  }
}

constexpr MergingKernels merging_kernels = {
    .add = add,
    .weighted_sum = weighted_sum,
    .weighted_rows = weighted_rows,
    .product = product,
    .maximum = maximum,
    .maximum_backward = maximum_backward,
};

}  // namespace
}  // namespace cnnx
