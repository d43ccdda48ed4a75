#include "array_view.hpp"
#include "cnnx/gemm.hpp"

namespace cnnx::bindings {

void bind_gemm(py::module_& m) {
  m.def(
      "sgemm",
      [](const py::array& a, const py::array& b, py::array& c, bool transpose_a, bool transpose_b,
         bool accumulate) {
        const Arguments args("sgemm");
        const auto a_shape = args.shape<2>(a, "a");
        const auto b_shape = args.shape<2>(b, "b");
        const int64_t rows = a_shape[transpose_a], k = a_shape[!transpose_a];
        const int64_t cols = b_shape[!transpose_b];
        args.require(b_shape[transpose_b] == k, "b",
                     "must have " + std::to_string(k) + " rows as a has columns, got " +
                         std::to_string(b_shape[transpose_b]));
        const auto a_data = args.input<float>(a, "a", {a_shape[0], a_shape[1]});
        const auto b_data = args.input<float>(b, "b", {b_shape[0], b_shape[1]});
        float* c_data = args.output<float>(c, "c", {rows, cols});
        args.run([=] {
          const MatrixView a_view =
              transpose_a ? MatrixView{a_data, 1, rows} : MatrixView{a_data, k, 1};
          const MatrixView b_view =
              transpose_b ? MatrixView{b_data, 1, k} : MatrixView{b_data, cols, 1};
          sgemm(rows, cols, k, a_view, b_view, nullptr, c_data, cols, accumulate);
        });
      },
      py::arg("a"), py::arg("b"), py::arg("c"), py::arg("transpose_a"), py::arg("transpose_b"),
      py::arg("accumulate"));
}

}  // namespace cnnx::bindings
