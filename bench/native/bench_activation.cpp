// Activations over the outputs of a small and of a large layer.
#include <string>

#include "cnnx/activation.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

void add_activation(const std::string& name, Activation activation, int64_t n) {
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
    add_activation("relu", Activation::relu, n);
    add_activation("sigmoid", Activation::sigmoid, n);
    add_activation("tanh", Activation::tanh, n);
    add_activation("arctan", Activation::arctan, n);
    add_activation("elu", Activation::elu, n);
    add_activation("leaky_relu", Activation::leaky_relu, n);
    add_activation("softplus", Activation::softplus, n);
    add_activation("exponential", Activation::exponential, n);
  }
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
