#include "cnnx/softmax.hpp"

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {

void softmax_forward(int64_t rows, int64_t n, const float* src, float* dst) {
  const auto kernel = kernels().softmax.forward;
  parallel_for(threads_for_rows(rows, n), rows, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) kernel(n, src + r * n, nullptr, dst + r * n);
  });
}

void softmax_backward(int64_t rows, int64_t n, const float* dst, const float* diff_dst,
                      float* diff_src) {
  const auto kernel = kernels().softmax.backward;
  parallel_for(threads_for_rows(rows, n), rows, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      kernel(n, dst + r * n, diff_dst + r * n, diff_src + r * n);
    }
  });
}

}  // namespace cnnx
