#include "cnnx/concatenation.hpp"

#include <algorithm>

#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

// Calls copy(array, i, whole) for the row of each part, which begins at float i of its own array
// and at float `whole` of the joined one.
template <typename Float, typename Copy>
void for_each_row(int64_t rows, int64_t n, std::span<const Part<Float>> parts, Copy copy) {
  parallel_for(threads_for_rows(rows, n), rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      for (const Part<Float>& part : parts) copy(part, row * part.n, row * n + part.begin);
    }
  });
}

}  // namespace

void concatenate(int64_t rows, int64_t n, std::span<const Part<const float>> srcs, float* dst) {
  for_each_row(rows, n, srcs, [=](const Part<const float>& src, int64_t i, int64_t whole) {
    std::copy_n(src.data + i, src.n, dst + whole);
  });
}

void split(int64_t rows, int64_t n, const float* src, std::span<const Part<float>> dsts) {
  for_each_row(rows, n, dsts, [=](const Part<float>& dst, int64_t i, int64_t whole) {
    std::copy_n(src + whole, dst.n, dst.data + i);
  });
}

}  // namespace cnnx
