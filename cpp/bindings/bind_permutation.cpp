#include "array_view.hpp"
#include "cnnx/permutation.hpp"

namespace cnnx::bindings {

void bind_permutation(py::module_& m) {
  m.def(
      "swap_axes",
      [](const py::array& src, py::array& dst) {
        const Arguments args("swap_axes");
        const auto s = args.shape<4>(src, "src");
        const auto from = args.input<float>(src, "src", shape_of(src));
        float* const to = args.output<float>(dst, "dst", {s[0], s[2], s[1], s[3]});
        args.apart(dst, "dst", src);
        const SwapDims dims{.outer = s[0], .rows = s[1], .columns = s[2], .inner = s[3]};
        args.run(SwapAxes{dims, from, to});
      },
      py::arg("src"), py::arg("dst"));
}

}  // namespace cnnx::bindings
