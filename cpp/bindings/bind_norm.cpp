#include "array_view.hpp"
#include "cnnx/norm.hpp"

namespace cnnx::bindings {
namespace {

void define(py::module_& m, const char* operation, double (*function)(int64_t, const float*)) {
  m.def(
      operation,
      [=](const py::array& src) {
        const Arguments args(operation);
        const int64_t n = args.shape<1>(src, "src")[0];
        const auto x = args.input<float>(src, "src", {n});
        double sum = 0.0;
        args.run([=, &sum] { sum = function(n, x); });
        return sum;
      },
      py::arg("src"));
}

}  // namespace

// The sums return numbers: they are not for calls that are recorded.
void bind_norm(py::module_& m) {
  define(m, "sum_of_magnitudes", sum_of_magnitudes);
  define(m, "sum_of_squares", sum_of_squares);
  m.def(
      "penalty_backward",
      [](const py::array& src, py::array& diff_src, float l1, float l2, float scale) {
        const Arguments args("penalty_backward");
        const int64_t n = args.shape<1>(src, "src")[0];
        const auto x = args.input<float>(src, "src", {n});
        float* const gradient = args.output<float>(diff_src, "diff_src", {n});
        args.run([=] { penalty_backward(n, l1, l2, scale, x, gradient); });
      },
      py::arg("src"), py::arg("diff_src"), py::arg("l1"), py::arg("l2"), py::arg("scale") = 1.0f);
  m.def(
      "limit_norms",
      [](py::array& array, float least, float most, float rate, float epsilon) {
        const Arguments args("limit_norms");
        const auto [outer, reduced, inner] = args.shape<3>(array, "array");
        float* const w = args.output<float>(array, "array", {outer, reduced, inner});
        args.require(least <= most, "least", "must be at most `most`");
        const NormLimits limits = {.least = least, .most = most, .rate = rate, .epsilon = epsilon};
        args.run([=, outer = outer, reduced = reduced, inner = inner] {
          limit_norms(outer, reduced, inner, limits, w);
        });
      },
      py::arg("array"), py::arg("least"), py::arg("most"), py::arg("rate"), py::arg("epsilon"));
}

}  // namespace cnnx::bindings
