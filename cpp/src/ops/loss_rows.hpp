#pragma once

#include "cnnx/loss.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {

// body(row, its first output) of each row, shared out among threads.
template <typename Body>
void for_each_row(const LossDims& dims, Body body) {
  parallel_for(threads_for_rows(dims.rows, dims.n), dims.rows,
               [&](int64_t begin, int64_t end, int) {
                 for (int64_t r = begin; r < end; ++r) body(r, r * dims.n);
               });
}

// losses = the sums that sum(rows, first output, sums) makes of some rows, divided.
template <typename Sum>
void divided_sums(const LossDims& dims, float divisor, float* losses, Sum sum) {
  parallel_for(threads_for_rows(dims.rows, dims.n), dims.rows,
               [&](int64_t begin, int64_t end, int) {
                 sum(end - begin, begin * dims.n, losses + begin);
                 for (int64_t r = begin; r < end; ++r) losses[r] /= divisor;
               });
}

// The factor of a row's derivatives.
inline float row_factor(const float* sample_weights, int64_t row, float scale) {
  return sample_weights == nullptr ? scale : scale * sample_weights[row];
}

}  // namespace cnnx
