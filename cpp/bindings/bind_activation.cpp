#include "array_view.hpp"
#include "cnnx/activation.hpp"

namespace cnnx::bindings {
namespace {

using Forward = void (*)(int64_t n, const float* src, float* dst);
using Backward = void (*)(int64_t n, const float* dst, const float* diff_dst, float* diff_src);

void def_forward(py::module_& m, const char* name, Forward forward) {
  m.def(
      name,
      [name, forward](const py::array& src, py::array& dst) {
        const Arguments args(name);
        const std::vector<int64_t> shape = shape_of(src);
        const float* s = args.input<float>(src, "src", shape);
        float* d = args.output<float>(dst, "dst", shape);
        const int64_t n = src.size();
        const GilRelease release;  // the arrays are held by the caller's frame
        forward(n, s, d);
      },
      py::arg("src"), py::arg("dst"));
}

void def_backward(py::module_& m, const char* name, Backward backward) {
  m.def(
      name,
      [name, backward](const py::array& dst, const py::array& diff_dst, py::array& diff_src) {
        const Arguments args(name);
        const std::vector<int64_t> shape = shape_of(dst);
        const float* d = args.input<float>(dst, "dst", shape);
        const float* dd = args.input<float>(diff_dst, "diff_dst", shape);
        float* ds = args.output<float>(diff_src, "diff_src", shape);
        const int64_t n = dst.size();
        const GilRelease release;
        backward(n, d, dd, ds);
      },
      py::arg("dst"), py::arg("diff_dst"), py::arg("diff_src"));
}

}  // namespace

void bind_activation(py::module_& m) {
  def_forward(m, "relu_forward", relu_forward);
  def_backward(m, "relu_backward", relu_backward);
  def_forward(m, "sigmoid_forward", sigmoid_forward);
  def_backward(m, "sigmoid_backward", sigmoid_backward);
  def_forward(m, "tanh_forward", tanh_forward);
  def_backward(m, "tanh_backward", tanh_backward);
  def_forward(m, "arctan_forward", arctan_forward);
  def_backward(m, "arctan_backward", arctan_backward);
  def_forward(m, "elu_forward", elu_forward);
  def_backward(m, "elu_backward", elu_backward);
  def_forward(m, "leaky_relu_forward", leaky_relu_forward);
  def_backward(m, "leaky_relu_backward", leaky_relu_backward);
  def_forward(m, "softplus_forward", softplus_forward);
  def_backward(m, "softplus_backward", softplus_backward);
  def_forward(m, "exponential_forward", exponential_forward);
  def_backward(m, "exponential_backward", exponential_backward);
}

}  // namespace cnnx::bindings
