#include <algorithm>

#include "array_view.hpp"
#include "cnnx/bias.hpp"

namespace cnnx::bindings {
namespace {

// bias spans the last axes of src.
BiasDims make_dims(const Arguments& args, const py::array& src, const char* name,
                   const py::array& bias, const char* bias_name) {
  const std::vector<int64_t> shape = shape_of(src), last = shape_of(bias);
  args.require(
      last.size() <= shape.size() && std::equal(last.rbegin(), last.rend(), shape.rbegin()),
      bias_name, std::string("must have the shape of the last axes of ") + name);
  args.require(bias.size() > 0, bias_name, "must not be empty");
  return {src.size() / bias.size(), bias.size()};
}

template <bool Multiplies>
void def_forward(py::module_& m) {
  constexpr const char* name = BiasForward<Multiplies>::name();
  m.def(
      name,
      [](const py::array& src, const py::array& bias, py::array& dst) {
        const Arguments args(name);
        const BiasDims dims = make_dims(args, src, "src", bias, "bias");
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto b = args.input<float>(bias, "bias", shape_of(bias));
        float* d = args.output<float>(dst, "dst", shape_of(src));
        args.run(BiasForward<Multiplies>{dims, s, b, d});
      },
      py::arg("src"), py::arg("bias"), py::arg("dst"));
}

}  // namespace

void bind_bias(py::module_& m) {
  def_forward<false>(m);
  def_forward<true>(m);
  m.def(
      "bias_add_backward",
      [](const py::array& diff_dst, py::array& diff_bias) {
        const Arguments args("bias_add_backward");
        const BiasDims dims = make_dims(args, diff_dst, "diff_dst", diff_bias, "diff_bias");
        const auto dd = args.input<float>(diff_dst, "diff_dst", shape_of(diff_dst));
        float* db = args.output<float>(diff_bias, "diff_bias", shape_of(diff_bias));
        args.run([=] { bias_add_backward(dims, dd, db); });
      },
      py::arg("diff_dst"), py::arg("diff_bias"));
  m.def(
      "bias_multiply_backward",
      [](const py::array& src, const py::array& bias, const py::array& diff_dst,
         OptionalArray& diff_src, OptionalArray& diff_bias) {
        const Arguments args("bias_multiply_backward");
        const BiasDims dims = make_dims(args, src, "src", bias, "bias");
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto b = args.input<float>(bias, "bias", shape_of(bias));
        const auto dd = args.input<float>(diff_dst, "diff_dst", shape_of(src));
        float* ds = args.output<float>(diff_src, "diff_src", shape_of(src));
        float* db = args.output<float>(diff_bias, "diff_bias", shape_of(bias));
        args.run([=] { bias_multiply_backward(dims, s, b, dd, ds, db); });
      },
      py::arg("src"), py::arg("bias"), py::arg("diff_dst"), py::arg("diff_src"),
      py::arg("diff_bias"));
}

}  // namespace cnnx::bindings
