#include "array_view.hpp"
#include "bind_activation.hpp"
#include "cnnx/merging.hpp"

namespace cnnx::bindings {
namespace {

// The arrays of a list, all of one shape.
class Sources {
 public:
  void add(Source<float> source) {
    sources_.push_back(source);
    now_.push_back(source);
  }
  Arrays now() {
    for (size_t i = 0; i < sources_.size(); ++i) now_[i] = sources_[i];
    return now_;
  }

 private:
  std::vector<Source<float>> sources_;
  std::vector<const float*> now_;
};

Sources inputs(const Arguments& args, const std::vector<py::array>& srcs,
               const std::vector<int64_t>& shape) {
  args.require(!srcs.empty(), "srcs", "must not be empty");
  Sources sources;
  for (const py::array& src : srcs) sources.add(args.input<float>(src, "srcs", shape));
  return sources;
}

void define(py::module_& m, const char* operation, void (*function)(int64_t, Arrays, float*)) {
  m.def(
      operation,
      [=](const std::vector<py::array>& srcs, py::array& dst) {
        const Arguments args(operation);
        Sources from = inputs(args, srcs, shape_of(dst));
        float* const to = args.output<float>(dst, "dst", shape_of(dst));
        const int64_t n = dst.size();
        args.run([=]() mutable { function(n, from.now(), to); });
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
         const NamedActivation& activation) {
        const Arguments args("weighted_sum");
        Sources from = inputs(args, srcs, shape_of(dst));
        args.require(factors.size() == srcs.size(), "factors",
                     "must be as many as srcs, got " + std::to_string(factors.size()) + " for " +
                         std::to_string(srcs.size()));
        float* const to = args.output<float>(dst, "dst", shape_of(dst));
        const Activation of_sum = activation_of(args, activation);
        const int64_t n = dst.size();
        args.run([=]() mutable { weighted_sum(n, from.now(), factors, of_sum, to); });
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
