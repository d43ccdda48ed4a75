#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "cnnx/runtime.hpp"

namespace cnnx {

namespace detail {
using RangeBody = void (*)(void* context, int64_t begin, int64_t end, int thread);
void run_ranges(int threads, int64_t count, void* context, RangeBody body);
}  // namespace detail

// Number of threads for `count` items: all, if each of two would have at least `grain` of them, or
// more if the threads sleep, else one. It is all or one because libgomp ends and starts threads
// where one region has fewer than the next. All are fewer than num_threads() while other callers
// compute, or where threads lose (team_size.hpp). The grain is a fraction if an item is worth more
// than a thread: rounded down to 0, it would wake threads for any work. Ask once for an operation:
// the answer sizes the threads' scratch, and may be another the next time.
int threads_for(int64_t count, double grain);

// The same for items that take `work` steps together, at least `grain` of them a thread.
inline int threads_for_work(int64_t count, int64_t work, int64_t grain) {
  return threads_for(count, static_cast<double>(grain) * static_cast<double>(count) /
                                static_cast<double>(std::max<int64_t>(work, 1)));
}

// The same for rows of `row_floats` floats that a cheap pass reads once.
constexpr int64_t kElementwiseGrain = 65536;
inline int threads_for_rows(int64_t rows, int64_t row_floats) {
  return threads_for_work(rows, rows * row_floats, kElementwiseGrain);
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

// In a region, between two parts of the work: whether the thread that called the operation was
// interrupted, so that the rest is to be left out. The region then ends with what
// check_interruption threw.
bool interrupted();

// The same for parts that are too short to ask after each.
class Pace {
 public:
  // After a part of so many products or floats.
  bool stops(int64_t work) {
    work_ += work;
    if (work_ >= kWork) {
      work_ = 0;
      stopped_ = interrupted();
    }
    return stopped_;
  }

 private:
  static constexpr int64_t kWork = int64_t{1} << 22;  // well below a millisecond

  int64_t work_ = 0;
  bool stopped_ = false;
};

// parallel_for for work that may take long: body is called on up to `pieces` parts of each range.
template <typename Body>
void parallel_for_pieces(int threads, int64_t count, int64_t pieces, const Body& body) {
  parallel_for(threads, count, [&](int64_t begin, int64_t end, int thread) {
    const int64_t size = end - begin;
    const int64_t parts = std::clamp<int64_t>(pieces, 1, std::max<int64_t>(size, 1));
    for (int64_t part = 0; part < parts; ++part) {
      if (part > 0 && interrupted()) return;
      body(begin + size * part / parts, begin + size * (part + 1) / parts, thread);
    }
  });
}

// How many pieces so many products are worth for each thread: one takes about 10 ms.
inline int64_t pieces_for(int64_t products, int threads) { return (products >> 28) / threads; }

}  // namespace cnnx
