#include "cnnx/softmax.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

constexpr int64_t kColumns = 64;  // columns of one array that a thread takes at a time

// body(number of columns, offset of the first one's first element)
template <typename Body>
void for_each_column_block(const SoftmaxDims& dims, Body body) {
  const int64_t blocks = (dims.inner + kColumns - 1) / kColumns;
  const int threads =
      threads_for_rows(dims.outer * blocks, dims.n * std::min(dims.inner, kColumns));
  parallel_for(threads, dims.outer * blocks, [=](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block % blocks * kColumns;
      body(std::min(kColumns, dims.inner - first), block / blocks * dims.n * dims.inner + first);
    }
  });
}

template <typename Body>
void for_each_row(const SoftmaxDims& dims, Body body) {
  parallel_for(threads_for_rows(dims.outer, dims.n), dims.outer,
               [=](int64_t begin, int64_t end, int) {
                 for (int64_t r = begin; r < end; ++r) body(r * dims.n);
               });
}

void columns_forward(const SoftmaxDims& dims, bool logarithm, const float* src, float* dst) {
  const auto kernel = kernels().softmax.columns_forward;
  for_each_column_block(dims, [=](int64_t columns, int64_t first) {
    kernel(dims.n, dims.inner, columns, logarithm, src + first, dst + first);
  });
}

void columns_backward(const SoftmaxDims& dims, bool logarithm, const float* dst,
                      const float* diff_dst, float* diff_src) {
  const auto kernel = kernels().softmax.columns_backward;
  for_each_column_block(dims, [=](int64_t columns, int64_t first) {
    kernel(dims.n, dims.inner, columns, logarithm, dst + first, diff_dst + first, diff_src + first);
  });
}

}  // namespace

void softmax_forward(const SoftmaxDims& dims, const float* src, float* dst) {
  if (dims.inner > 1) return columns_forward(dims, false, src, dst);
  const auto kernel = kernels().softmax.forward;
  for_each_row(dims, [=](int64_t first) { kernel(dims.n, src + first, nullptr, dst + first); });
}

void softmax_backward(const SoftmaxDims& dims, const float* dst, const float* diff_dst,
                      float* diff_src) {
  if (dims.inner > 1) return columns_backward(dims, false, dst, diff_dst, diff_src);
  const auto kernel = kernels().softmax.backward;
  for_each_row(dims, [=](int64_t first) {
    kernel(dims.n, dst + first, diff_dst + first, diff_src + first);
  });
}

void log_softmax_forward(const SoftmaxDims& dims, const float* src, float* dst) {
  if (dims.inner > 1) return columns_forward(dims, true, src, dst);
  const auto kernel = kernels().softmax.log_forward;
  for_each_row(dims, [=](int64_t first) { kernel(dims.n, src + first, dst + first); });
}

void log_softmax_backward(const SoftmaxDims& dims, const float* dst, const float* diff_dst,
                          float* diff_src) {
  if (dims.inner > 1) return columns_backward(dims, true, dst, diff_dst, diff_src);
  const auto kernel = kernels().softmax.log_backward;
  for_each_row(dims, [=](int64_t first) {
    kernel(dims.n, dst + first, diff_dst + first, diff_src + first);
  });
}

}  // namespace cnnx
