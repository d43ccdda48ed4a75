#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace cnnx {

namespace detail {
using RangeBody = void (*)(void* context, int64_t begin, int64_t end, int thread);
void run_ranges(int threads, int64_t count, void* context, RangeBody body);
}  // namespace detail

// How many threads parallel_for gives `count` items of which one thread should get at least
// `grain`; always >= 1. Per-thread scratch is sized by it before the region starts.
int threads_for(int64_t count, int64_t grain);

// The same for rows of `row_floats` floats that a cheap pass reads once.
constexpr int64_t kElementwiseGrain = 65536;
inline int threads_for_rows(int64_t rows, int64_t row_floats) {
  return threads_for(rows, kElementwiseGrain / std::max<int64_t>(row_floats, 1));
}

// Calls body(begin, end, thread) on contiguous ranges that cover [0, count), thread in
// [0, threads). The range bounds depend on the number of threads: what is computed for an item must
// not, so a reduction makes its fixed-size chunks the items. The body must not throw: allocate
// before. Denormals are flushed to zero inside.
template <typename Body>
void parallel_for(int threads, int64_t count, Body&& body) {
  detail::run_ranges(threads, count, &body,
                     [](void* context, int64_t begin, int64_t end, int thread) {
                       (*static_cast<std::remove_reference_t<Body>*>(context))(begin, end, thread);
                     });
}

}  // namespace cnnx
