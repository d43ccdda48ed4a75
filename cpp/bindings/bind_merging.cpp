#include "array_view.hpp"
#include "bind_activation.hpp"
#include "cnnx/merging.hpp"

namespace cnnx::bindings {
namespace {

// The arrays of a list, all of one shape.
Sources inputs(const Arguments& args, const std::vector<py::array>& srcs,
               const std::vector<int64_t>& shape) {
  args.require(!srcs.empty(), "srcs", "must not be empty");
  Sources sources;
  for (const py::array& src : srcs) sources.add(args.input<float>(src, "srcs", shape));
  return sources;
}

template <bool Multiplies>
void define(py::module_& m) {
  constexpr const char* operation = Merging<Multiplies>::name();
  m.def(
      operation,
      [](const std::vector<py::array>& srcs, py::array& dst) {
        const Arguments args(operation);
        Sources from = inputs(args, srcs, shape_of(dst));
        float* const to = args.output<float>(dst, "dst", shape_of(dst));
        const int64_t n = dst.size();
        args.run(Merging<Multiplies>{n, from, to});
      },
      py::arg("srcs"), py::arg("dst"));
}

}  // namespace

void bind_merging(py::module_& m) {
  define<true>(m);
  define<false>(m);
  m.def(
      "weighted_sum",
      [](const std::vector<py::array>& srcs, const std::vector<float>& factors, py::array& dst,
         const NamedActivation& activation) {
        const Arguments args("weighted_sum");
        Sources from = inputs(args, srcs, shape_of(dst));
        args.require(factors.size() == srcs.size(), "factors",
                     "must be as many as srcs, got " + std::to_string(factors.size()) + " for " +
                         std::to_string(srcs.size()));
        float* const to = args.output<float>(dst, "dst", shape_of(dst));
        const Activation of_sum = activation_of(args, activation);
        const int64_t n = dst.size();
        args.run(WeightedSum{n, from, factors, of_sum, to});
      },
      py::arg("srcs"), py::arg("factors"), py::arg("dst"), py::arg("activation") = "linear");
  m.def(
      "maximum_backward",
      [](const std::vector<py::array>& srcs, const py::array& diff_dst,
         std::vector<OptionalArray> diff_srcs) {
        const Arguments args("maximum_backward");
        const std::vector<int64_t> shape = shape_of(diff_dst);
        Sources from = inputs(args, srcs, shape);
        const auto gradient = args.input<float>(diff_dst, "diff_dst", shape);
        args.require(diff_srcs.size() == srcs.size(), "diff_srcs",
                     "must be as many as srcs, got " + std::to_string(diff_srcs.size()) + " for " +
                         std::to_string(srcs.size()));
        std::vector<float*> to;
        for (OptionalArray& array : diff_srcs) {
          to.push_back(args.output<float>(array, "diff_srcs", shape));
        }
        const int64_t n = diff_dst.size();
        args.run([=]() mutable { maximum_backward(n, from.now(), gradient, to); });
      },
      py::arg("srcs"), py::arg("diff_dst"), py::arg("diff_srcs"));
}

}  // namespace cnnx::bindings
