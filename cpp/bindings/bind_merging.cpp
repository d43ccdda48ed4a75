#include "array_view.hpp"
#include "bind_activation.hpp"
#include "cnnx/merging.hpp"

namespace cnnx::bindings {
namespace {

using Pointers = std::vector<const float*>;

// The arrays of a list, all of one shape.
Pointers inputs(const Arguments& args, const std::vector<py::array>& srcs,
                const std::vector<int64_t>& shape) {
  args.require(!srcs.empty(), "srcs", "must not be empty");
  Pointers pointers;
  for (const py::array& src : srcs) pointers.push_back(args.input<float>(src, "srcs", shape));
  return pointers;
}

void define(py::module_& m, const char* operation, void (*function)(int64_t, Arrays, float*)) {
  m.def(
      operation,
      [=](const std::vector<py::array>& srcs, py::array& dst) {
        const Arguments args(operation);
        const Pointers from = inputs(args, srcs, shape_of(dst));
        float* const to = args.output<float>(dst, "dst", shape_of(dst));
        const int64_t n = dst.size();
        const GilRelease release;  // the arrays are held by the caller's frame
        function(n, from, to);
      },
      py::arg("srcs"), py::arg("dst"));
}

}  // namespace

void bind_merging(py::module_& m) {
  define(m, "product", product);
  define(m, "maximum_forward", maximum_forward);
  m.def(
      "weighted_sum",
      [](const std::vector<py::array>& srcs, const std::vector<float>& factors, py::array& dst,
         const std::string& activation) {
        const Arguments args("weighted_sum");
        const Pointers from = inputs(args, srcs, shape_of(dst));
        args.require(factors.size() == srcs.size(), "factors",
                     "must be as many as srcs, got " + std::to_string(factors.size()) + " for " +
                         std::to_string(srcs.size()));
        float* const to = args.output<float>(dst, "dst", shape_of(dst));
        const Activation of_sum = activation_of(args, activation);
        const int64_t n = dst.size();
        const GilRelease release;
        weighted_sum(n, from, factors, of_sum, to);
      },
      py::arg("srcs"), py::arg("factors"), py::arg("dst"), py::arg("activation") = "linear");
  m.def(
      "maximum_backward",
      [](const std::vector<py::array>& srcs, const py::array& diff_dst,
         std::vector<OptionalArray> diff_srcs) {
        const Arguments args("maximum_backward");
        const std::vector<int64_t> shape = shape_of(diff_dst);
        const Pointers from = inputs(args, srcs, shape);
        const float* const gradient = args.input<float>(diff_dst, "diff_dst", shape);
        args.require(diff_srcs.size() == srcs.size(), "diff_srcs",
                     "must be as many as srcs, got " + std::to_string(diff_srcs.size()) + " for " +
                         std::to_string(srcs.size()));
        std::vector<float*> to;
        for (OptionalArray& array : diff_srcs) {
          to.push_back(args.output<float>(array, "diff_srcs", shape));
        }
        const int64_t n = diff_dst.size();
        const GilRelease release;
        maximum_backward(n, from, gradient, to);
      },
      py::arg("srcs"), py::arg("diff_dst"), py::arg("diff_srcs"));
}

}  // namespace cnnx::bindings
