#include "array_view.hpp"
#include "cnnx/dropout.hpp"

namespace cnnx::bindings {
namespace {

using Operation = void (*)(int64_t n, float rate, uint64_t seed, const float* src, float* dst);

void def(py::module_& m, const char* name, Operation operation) {
  m.def(
      name,
      [name, operation](const py::array& src, py::array& dst, float rate, uint64_t seed) {
        const Arguments args(name);
        args.require(rate >= 0.0f && rate < 1.0f, "rate",
                     "must lie in [0, 1), got " + std::to_string(rate));
        const auto s = args.input<float>(src, "src", shape_of(src));
        float* d = args.output<float>(dst, "dst", shape_of(src));
        const int64_t n = src.size();
        args.run([=] { operation(n, rate, seed, s, d); });
      },
      py::arg("src"), py::arg("dst"), py::arg("rate"), py::arg("seed"));
}

}  // namespace

void bind_dropout(py::module_& m) {
  def(m, "dropout", dropout);
  def(m, "gaussian_dropout", gaussian_dropout);
}

}  // namespace cnnx::bindings
