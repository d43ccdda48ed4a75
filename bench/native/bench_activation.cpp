// Activations over the outputs of a small and of a large layer.
#include <string>

#include "cnnx/activation.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

void add_activation(const std::string& name, const Activation& activation, int64_t n) {
  const std::string size = std::to_string(n);
  add_rows("activation/" + name + "_forward/" + size, {.bytes = 8.0 * static_cast<double>(n)}, [=] {
    return [=, src = random_floats(n, 1), dst = Floats(n)]() mutable {
      activation_forward(activation, n, src.data(), dst.data());
    };
  });
  add_rows("activation/" + name + "_backward/" + size, {.bytes = 12.0 * static_cast<double>(n)},
           [=] {
             return [=, dst = random_floats(n, 1), diff_dst = random_floats(n, 2),
                     diff_src = Floats(n)]() mutable {
               activation_backward(activation, n, dst.data(), diff_dst.data(), diff_src.data());
             };
           });
}

const bool added = [] {
  for (const int64_t n : {32 * 24 * 24 * 8, 32 * 50 * 50 * 64}) {
    add_activation("relu", {ActivationKind::relu}, n);
    add_activation("sigmoid", {ActivationKind::sigmoid}, n);
    add_activation("tanh", {ActivationKind::tanh}, n);
    add_activation("arctan", {ActivationKind::arctan}, n);
    add_activation("elu", {ActivationKind::elu, {1.0f}}, n);
    add_activation("leaky_relu", {ActivationKind::leaky_relu, {0.2f}}, n);
    add_activation("softplus", {ActivationKind::softplus}, n);
    add_activation("exponential", {ActivationKind::exponential}, n);
    add_activation("selu", {ActivationKind::selu}, n);
    add_activation("silu", {ActivationKind::silu}, n);
    add_activation("gelu", {ActivationKind::gelu}, n);
    add_activation("gelu_tanh", {ActivationKind::gelu_tanh}, n);
    add_activation("mish", {ActivationKind::mish}, n);
  }
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
