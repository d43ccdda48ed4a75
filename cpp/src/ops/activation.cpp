#include "ops/activation.hpp"

#include "runtime/parallel.hpp"

namespace cnnx {

static_assert(static_cast<int>(ActivationKind::threshold) + 1 == kActivations,
              "the table has a kernel for each kind, in their order");

ActivationCall::ActivationCall(const Activation& activation)
    : activation_(activation),
      kernel_(kernels().activation.of[static_cast<int>(activation.kind)]) {}

void activation_forward(const Activation& activation, int64_t n, const float* src, float* dst) {
  const ActivationCall call(activation);
  parallel_for(threads_for(n, kElementwiseGrain), n, [=](int64_t begin, int64_t end, int) {
    call.forward(end - begin, src + begin, dst + begin);
  });
}

void activation_backward(const Activation& activation, int64_t n, const float* dst,
                         const float* diff_dst, float* diff_src) {
  const ActivationCall call(activation);
  parallel_for(threads_for(n, kElementwiseGrain), n, [=](int64_t begin, int64_t end, int) {
    call.backward(end - begin, dst + begin, diff_dst + begin, diff_src + begin);
  });
}

}  // namespace cnnx
