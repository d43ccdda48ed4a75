#include "bind_activation.hpp"

#include <algorithm>
#include <limits>

namespace cnnx::bindings {
namespace {

struct Named {
  const char* name;
  int parameters;
  Activation usual;
};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Named kActivations[] = {
    {"linear", 0, {ActivationKind::linear}},
    {"relu", 0, {ActivationKind::relu}},
    {"sigmoid", 0, {ActivationKind::sigmoid}},
    {"tanh", 0, {ActivationKind::tanh}},
    {"arctan", 0, {ActivationKind::arctan}},
    {"elu", 1, {ActivationKind::elu, {1.0f}}},
    {"leaky_relu", 1, {ActivationKind::leaky_relu, {0.2f}}},
    {"softplus", 0, {ActivationKind::softplus}},
    {"exponential", 0, {ActivationKind::exponential}},
    {"relu6", 0, {ActivationKind::relu6}},
    {"hard_sigmoid", 0, {ActivationKind::hard_sigmoid}},
    {"rectifier", 3, {ActivationKind::rectifier, {kInfinity}}},
    {"selu", 0, {ActivationKind::selu}},
    {"celu", 1, {ActivationKind::celu, {1.0f}}},
    {"softsign", 0, {ActivationKind::softsign}},
    {"hard_tanh", 0, {ActivationKind::hard_tanh}},
    {"log_sigmoid", 0, {ActivationKind::log_sigmoid}},
    {"hard_shrink", 1, {ActivationKind::hard_shrink, {0.5f}}},
    {"soft_shrink", 1, {ActivationKind::soft_shrink, {0.5f}}},
    {"squareplus", 1, {ActivationKind::squareplus, {4.0f}}},
    {"silu", 0, {ActivationKind::silu}},
    {"hard_silu", 0, {ActivationKind::hard_silu}},
    {"gelu", 0, {ActivationKind::gelu}},
    {"gelu_tanh", 0, {ActivationKind::gelu_tanh}},
    {"mish", 0, {ActivationKind::mish}},
    {"tanh_shrink", 0, {ActivationKind::tanh_shrink}},
    {"threshold", 2, {ActivationKind::threshold}},
};

Activation with_parameters(const Arguments& args, const Named& named,
                           const std::vector<float>& parameters) {
  if (parameters.empty()) return named.usual;
  args.require(static_cast<int>(parameters.size()) == named.parameters, "parameters",
               std::string("of ") + named.name + " must be " + std::to_string(named.parameters) +
                   ", got " + std::to_string(parameters.size()));
  Activation activation = named.usual;
  std::copy(parameters.begin(), parameters.end(), activation.parameters);
  return activation;
}

void def_forward(py::module_& m, const Named& named) {
  const std::string name = named.name + std::string("_forward");
  m.def(
      name.c_str(),
      [name, named](const py::array& src, py::array& dst, const std::vector<float>& parameters) {
        const Arguments args(name.c_str());
        const std::vector<int64_t> shape = shape_of(src);
        const Activation activation = with_parameters(args, named, parameters);
        const auto s = args.input<float>(src, "src", shape);
        float* d = args.output<float>(dst, "dst", shape);
        const int64_t n = src.size();
        args.run([=] { activation_forward(activation, n, s, d); });
      },
      py::arg("src"), py::arg("dst"), py::arg("parameters") = py::tuple());
}

void def_backward(py::module_& m, const Named& named) {
  const std::string name = named.name + std::string("_backward");
  m.def(
      name.c_str(),
      [name, named](const py::array& dst, const py::array& diff_dst, py::array& diff_src,
                    const std::vector<float>& parameters) {
        const Arguments args(name.c_str());
        const std::vector<int64_t> shape = shape_of(dst);
        const Activation activation = with_parameters(args, named, parameters);
        const auto d = args.input<float>(dst, "dst", shape);
        const auto dd = args.input<float>(diff_dst, "diff_dst", shape);
        float* ds = args.output<float>(diff_src, "diff_src", shape);
        const int64_t n = dst.size();
        args.run([=] { activation_backward(activation, n, d, dd, ds); });
      },
      py::arg("dst"), py::arg("diff_dst"), py::arg("diff_src"),
      py::arg("parameters") = py::tuple());
}

}  // namespace

Activation activation_of(const Arguments& args, const NamedActivation& named) {
  const auto* const pair = std::get_if<1>(&named);
  const std::string& name = pair == nullptr ? std::get<0>(named) : pair->first;
  for (const Named& known : kActivations) {
    if (name != known.name) continue;
    return with_parameters(args, known, pair == nullptr ? std::vector<float>{} : pair->second);
  }
  args.require(false, "activation", "is unknown: '" + name + "'");
  return Activation::linear;
}

void bind_activation(py::module_& m) {
  for (const Named& named : kActivations) {
    def_forward(m, named);
    def_backward(m, named);
  }
}

}  // namespace cnnx::bindings
