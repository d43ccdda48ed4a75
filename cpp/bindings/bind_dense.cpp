#include "array_view.hpp"
#include "cnnx/dense.hpp"

namespace cnnx::bindings {

void bind_dense(py::module_& m) {
  m.def(
      "dense_forward",
      [](const py::array& src, const py::array& weights, const OptionalArray& bias,
         py::array& dst) {
        const Arguments args("dense_forward");
        const auto [mb, ic] = args.shape<2>(src, "src");
        const int64_t oc = args.shape<2>(weights, "weights")[1];
        const auto s = args.input<float>(src, "src", {mb, ic});
        const auto w = args.input<float>(weights, "weights", {ic, oc});
        const auto b = args.input<float>(bias, "bias", {oc});
        float* d = args.output<float>(dst, "dst", {mb, oc});
        const DenseDims dims{mb, ic, oc};
        args.run(DenseForward{dims, s, w, b, d});
      },
      py::arg("src"), py::arg("weights"), py::arg("bias"), py::arg("dst"));
  m.def(
      "dense_backward_data",
      [](const py::array& diff_dst, const py::array& weights, py::array& diff_src) {
        const Arguments args("dense_backward_data");
        const auto [mb, oc] = args.shape<2>(diff_dst, "diff_dst");
        const int64_t ic = args.shape<2>(weights, "weights")[0];
        const auto dd = args.input<float>(diff_dst, "diff_dst", {mb, oc});
        const auto w = args.input<float>(weights, "weights", {ic, oc});
        float* ds = args.output<float>(diff_src, "diff_src", {mb, ic});
        const DenseDims dims{mb, ic, oc};
        args.run([=] { dense_backward_data(dims, dd, w, ds); });
      },
      py::arg("diff_dst"), py::arg("weights"), py::arg("diff_src"));
  m.def(
      "dense_backward_weights",
      [](const py::array& src, const py::array& diff_dst, py::array& diff_weights,
         OptionalArray& diff_bias) {
        const Arguments args("dense_backward_weights");
        const auto [mb, ic] = args.shape<2>(src, "src");
        const int64_t oc = args.shape<2>(diff_dst, "diff_dst")[1];
        const auto s = args.input<float>(src, "src", {mb, ic});
        const auto dd = args.input<float>(diff_dst, "diff_dst", {mb, oc});
        float* dw = args.output<float>(diff_weights, "diff_weights", {ic, oc});
        float* db = args.output<float>(diff_bias, "diff_bias", {oc});
        const DenseDims dims{mb, ic, oc};
        args.run([=] { dense_backward_weights(dims, s, dd, dw, db); });
      },
      py::arg("src"), py::arg("diff_dst"), py::arg("diff_weights"), py::arg("diff_bias"));
}

}  // namespace cnnx::bindings
