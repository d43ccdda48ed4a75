#include "array_view.hpp"
#include "cnnx/softmax.hpp"

namespace cnnx::bindings {
namespace {

using SoftmaxGradient = void (*)(const SoftmaxDims& dims, const float* dst, const float* diff_dst,
                                 float* diff_src);

SoftmaxDims along(const Arguments& args, const py::array& array, const char* name, int64_t axis) {
  const std::vector<int64_t> shape = shape_of(array);
  const auto rank = static_cast<int64_t>(shape.size());
  args.require(axis >= -rank && axis < rank, "axis",
               "must be one of those of " + std::string(name));
  const int64_t middle = axis < 0 ? axis + rank : axis;
  SoftmaxDims dims{1, shape[middle], 1};
  args.require(dims.n > 0, name, "must have an axis that is not empty");
  for (int64_t i = 0; i < rank; ++i) {
    if (i != middle) (i < middle ? dims.outer : dims.inner) *= shape[i];
  }
  return dims;
}

template <bool Logarithm>
void def_softmax(py::module_& m) {
  constexpr const char* name = SoftmaxForward<Logarithm>::name();
  m.def(
      name,
      [](const py::array& src, py::array& dst, int64_t axis) {
        const Arguments args(name);
        const SoftmaxDims dims = along(args, src, "src", axis);
        const auto s = args.input<float>(src, "src", shape_of(src));
        float* d = args.output<float>(dst, "dst", shape_of(src));
        args.run(SoftmaxForward<Logarithm>{dims, s, d});
      },
      py::arg("src"), py::arg("dst"), py::arg("axis") = -1);
}

void def_backward(py::module_& m, const char* name, SoftmaxGradient backward) {
  m.def(
      name,
      [name, backward](const py::array& dst, const py::array& diff_dst, py::array& diff_src,
                       int64_t axis) {
        const Arguments args(name);
        const SoftmaxDims dims = along(args, dst, "dst", axis);
        const auto d = args.input<float>(dst, "dst", shape_of(dst));
        const auto dd = args.input<float>(diff_dst, "diff_dst", shape_of(dst));
        float* ds = args.output<float>(diff_src, "diff_src", shape_of(dst));
        args.run([=] { backward(dims, d, dd, ds); });
      },
      py::arg("dst"), py::arg("diff_dst"), py::arg("diff_src"), py::arg("axis") = -1);
}

}  // namespace

void bind_softmax(py::module_& m) {
  def_softmax<false>(m);
  def_backward(m, "softmax_backward", softmax_backward);
  def_softmax<true>(m);
  def_backward(m, "log_softmax_backward", log_softmax_backward);
}

}  // namespace cnnx::bindings
