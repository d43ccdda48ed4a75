#include "ops/activation.hpp"

#include <iterator>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

constexpr const char* kNames[] = {
    "linear",      "relu",        "sigmoid",     "tanh",      "arctan",       "elu",
    "leaky_relu",  "softplus",    "exponential", "relu6",     "hard_sigmoid", "rectifier",
    "selu",        "celu",        "softsign",    "hard_tanh", "log_sigmoid",  "hard_shrink",
    "soft_shrink", "squareplus",  "silu",        "hard_silu", "gelu",         "gelu_tanh",
    "mish",        "tanh_shrink", "threshold"};
static_assert(std::size(kNames) == kActivations);

}  // namespace

static_assert(static_cast<int>(ActivationKind::threshold) + 1 == kActivations,
              "the table has a kernel for each kind, in their order");

const char* name_of(ActivationKind kind) { return kNames[static_cast<int>(kind)]; }

std::optional<ActivationKind> activation_named(std::string_view name) {
  for (int i = 0; i < kActivations; ++i) {
    if (name == kNames[i]) return static_cast<ActivationKind>(i);
  }
  return std::nullopt;
}

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
