#include "bind_activation.hpp"

#include <algorithm>
#include <limits>

namespace cnnx::bindings {
namespace {

struct Named {
  int parameters;
  Activation usual;
};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Named kActivations[] = {
    {0, {ActivationKind::linear}},
    {0, {ActivationKind::relu}},
    {0, {ActivationKind::sigmoid}},
    {0, {ActivationKind::tanh}},
    {0, {ActivationKind::arctan}},
    {1, {ActivationKind::elu, {1.0f}}},
    {1, {ActivationKind::leaky_relu, {0.2f}}},
    {0, {ActivationKind::softplus}},
    {0, {ActivationKind::exponential}},
    {0, {ActivationKind::relu6}},
    {0, {ActivationKind::hard_sigmoid}},
    {3, {ActivationKind::rectifier, {kInfinity}}},
    {0, {ActivationKind::selu}},
    {1, {ActivationKind::celu, {1.0f}}},
    {0, {ActivationKind::softsign}},
    {0, {ActivationKind::hard_tanh}},
    {0, {ActivationKind::log_sigmoid}},
    {1, {ActivationKind::hard_shrink, {0.5f}}},
    {1, {ActivationKind::soft_shrink, {0.5f}}},
    {1, {ActivationKind::squareplus, {4.0f}}},
    {0, {ActivationKind::silu}},
    {0, {ActivationKind::hard_silu}},
    {0, {ActivationKind::gelu}},
    {0, {ActivationKind::gelu_tanh}},
    {0, {ActivationKind::mish}},
    {0, {ActivationKind::tanh_shrink}},
    {2, {ActivationKind::threshold}},
};

Activation with_parameters(const Arguments& args, const Named& named,
                           const std::vector<float>& parameters) {
  if (parameters.empty()) return named.usual;
  args.require(static_cast<int>(parameters.size()) == named.parameters, "parameters",
               std::string("of ") + name_of(named.usual.kind) + " must be " +
                   std::to_string(named.parameters) + ", got " + std::to_string(parameters.size()));
  Activation activation = named.usual;
  std::copy(parameters.begin(), parameters.end(), activation.parameters);
  return activation;
}

void def_forward(py::module_& m, const Named& named) {
  const std::string name = name_of(named.usual.kind) + std::string("_forward");
  m.def(
      name.c_str(),
      [name, named](const py::array& src, py::array& dst, const std::vector<float>& parameters) {
        const Arguments args(name.c_str());
        const std::vector<int64_t> shape = shape_of(src);
        const Activation activation = with_parameters(args, named, parameters);
        const auto s = args.input<float>(src, "src", shape);
        float* d = args.output<float>(dst, "dst", shape);
        const int64_t n = src.size();
        args.run(ActivationForward{activation, n, s, d});
      },
      py::arg("src"), py::arg("dst"), py::arg("parameters") = py::tuple());
}

void def_backward(py::module_& m, const Named& named) {
  const std::string name = name_of(named.usual.kind) + std::string("_backward");
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
    if (name != name_of(known.usual.kind)) continue;
    return with_parameters(args, known, pair == nullptr ? std::vector<float>{} : pair->second);
  }
  args.require(false, "activation", "is unknown: '" + name + "'");
  return Activation::linear;
}

Activation rectifier_of(const Arguments& args, const NamedActivation& named) {
  const Activation activation = activation_of(args, named);
  args.require(activation == Activation::linear || activation == Activation::relu ||
                   activation == Activation::relu6,
               "activation", "must be linear, relu or relu6");
  return activation;
}

void bind_activation(py::module_& m) {
  for (const Named& named : kActivations) {
    def_forward(m, named);
    def_backward(m, named);
  }
}

}  // namespace cnnx::bindings
