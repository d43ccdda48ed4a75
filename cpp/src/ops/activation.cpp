#include "ops/activation.hpp"

#include "runtime/parallel.hpp"

namespace cnnx {

static_assert(static_cast<int>(Activation::hard_silu) + 1 == kActivations,
              "the table has a kernel for each activation, in their order");

const ActivationKernel& activation_kernel(Activation activation) {
  return kernels().activation.of[static_cast<int>(activation)];
}

void activation_forward(Activation activation, int64_t n, const float* src, float* dst) {
  const Elementwise kernel = activation_kernel(activation).forward;
  parallel_for(threads_for(n, kElementwiseGrain), n, [=](int64_t begin, int64_t end, int) {
    kernel(end - begin, src + begin, dst + begin);
  });
}

void activation_backward(Activation activation, int64_t n, const float* dst, const float* diff_dst,
                         float* diff_src) {
  const ElementwiseBackward kernel = activation_kernel(activation).backward;
  parallel_for(threads_for(n, kElementwiseGrain), n, [=](int64_t begin, int64_t end, int) {
    kernel(end - begin, dst + begin, diff_dst + begin, diff_src + begin);
  });
}

}  // namespace cnnx
