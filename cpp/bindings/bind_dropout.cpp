#include "array_view.hpp"
#include "cnnx/dropout.hpp"

namespace cnnx::bindings {

void bind_dropout(py::module_& m) {
  m.def(
      "dropout",
      [](const py::array& src, py::array& dst, float rate, uint64_t seed) {
        const Arguments args("dropout");
        args.require(rate >= 0.0f && rate < 1.0f, "rate",
                     "must lie in [0, 1), got " + std::to_string(rate));
        const float* s = args.input<float>(src, "src", shape_of(src));
        float* d = args.output<float>(dst, "dst", shape_of(src));
        const int64_t n = src.size();
        const GilRelease release;  // the arrays are held by the caller's frame
        dropout(n, rate, seed, s, d);
      },
      py::arg("src"), py::arg("dst"), py::arg("rate"), py::arg("seed"));
}

}  // namespace cnnx::bindings
