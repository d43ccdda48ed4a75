#include "array_view.hpp"
#include "cnnx/softmax.hpp"

namespace cnnx::bindings {
namespace {

// The shape's rows and the length of its last axis.
std::array<int64_t, 2> as_rows(const Arguments& args, const py::array& array, const char* name) {
  const std::vector<int64_t> shape = shape_of(array);
  args.require(!shape.empty() && shape.back() > 0, name, "must have a last axis that is not empty");
  return {array.size() / shape.back(), shape.back()};
}

}  // namespace

void bind_softmax(py::module_& m) {
  m.def(
      "softmax_forward",
      [](const py::array& src, py::array& dst) {
        const Arguments args("softmax_forward");
        const auto [rows, n] = as_rows(args, src, "src");
        const auto s = args.input<float>(src, "src", shape_of(src));
        float* d = args.output<float>(dst, "dst", shape_of(src));
        args.run([=, rows = rows, n = n] { softmax_forward(rows, n, s, d); });
      },
      py::arg("src"), py::arg("dst"));
  m.def(
      "softmax_backward",
      [](const py::array& dst, const py::array& diff_dst, py::array& diff_src) {
        const Arguments args("softmax_backward");
        const auto [rows, n] = as_rows(args, dst, "dst");
        const auto d = args.input<float>(dst, "dst", shape_of(dst));
        const auto dd = args.input<float>(diff_dst, "diff_dst", shape_of(dst));
        float* ds = args.output<float>(diff_src, "diff_src", shape_of(dst));
        args.run([=, rows = rows, n = n] { softmax_backward(rows, n, d, dd, ds); });
      },
      py::arg("dst"), py::arg("diff_dst"), py::arg("diff_src"));
}

}  // namespace cnnx::bindings
