#include "bind_activation.hpp"

#include "array_view.hpp"

namespace cnnx::bindings {
namespace {

struct Named {
  const char* name;
  Activation activation;
};
constexpr Named kActivations[] = {
    {"linear", Activation::linear},
    {"relu", Activation::relu},
    {"sigmoid", Activation::sigmoid},
    {"tanh", Activation::tanh},
    {"arctan", Activation::arctan},
    {"elu", Activation::elu},
    {"leaky_relu", Activation::leaky_relu},
    {"softplus", Activation::softplus},
    {"exponential", Activation::exponential},
    {"relu6", Activation::relu6},
    {"hard_sigmoid", Activation::hard_sigmoid},
    {"silu", Activation::silu},
    {"hard_silu", Activation::hard_silu},
};

void def_forward(py::module_& m, const std::string& name, Activation activation) {
  m.def(
      name.c_str(),
      [name, activation](const py::array& src, py::array& dst) {
        const Arguments args(name.c_str());
        const std::vector<int64_t> shape = shape_of(src);
        const auto s = args.input<float>(src, "src", shape);
        float* d = args.output<float>(dst, "dst", shape);
        const int64_t n = src.size();
        args.run([=] { activation_forward(activation, n, s, d); });
      },
      py::arg("src"), py::arg("dst"));
}

void def_backward(py::module_& m, const std::string& name, Activation activation) {
  m.def(
      name.c_str(),
      [name, activation](const py::array& dst, const py::array& diff_dst, py::array& diff_src) {
        const Arguments args(name.c_str());
        const std::vector<int64_t> shape = shape_of(dst);
        const auto d = args.input<float>(dst, "dst", shape);
        const auto dd = args.input<float>(diff_dst, "diff_dst", shape);
        float* ds = args.output<float>(diff_src, "diff_src", shape);
        const int64_t n = dst.size();
        args.run([=] { activation_backward(activation, n, d, dd, ds); });
      },
      py::arg("dst"), py::arg("diff_dst"), py::arg("diff_src"));
}

}  // namespace

Activation activation_of(const Arguments& args, const std::string& name) {
  for (const Named& named : kActivations) {
    if (name == named.name) return named.activation;
  }
  args.require(false, "activation", "is unknown: '" + name + "'");
  return Activation::linear;
}

void bind_activation(py::module_& m) {
  for (const Named& named : kActivations) {
    def_forward(m, named.name + std::string("_forward"), named.activation);
    def_backward(m, named.name + std::string("_backward"), named.activation);
  }
}

}  // namespace cnnx::bindings
