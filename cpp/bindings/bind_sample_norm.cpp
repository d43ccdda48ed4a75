#include "array_view.hpp"
#include "program/calls.hpp"

namespace cnnx::bindings {
namespace {

// Groups lie along the last axis of mean, samples along the others.
SampleNormDims make_dims(const Arguments& args, const py::array& src, const py::array& mean,
                         int64_t pixels, bool centered, bool averaged) {
  args.require(src.size() > 0, "src", "must not be empty");
  args.require(mean.ndim() > 0 && mean.size() > 0, "mean", "must have a number for each group");
  args.require(pixels > 0, "pixels", "must be positive");
  args.require(src.size() % (mean.size() * pixels) == 0, "src",
               "must have the same number of elements in each group of a pixel");
  const int64_t groups = mean.shape(mean.ndim() - 1);
  return {.samples = mean.size() / groups,
          .pixels = pixels,
          .groups = groups,
          .each = src.size() / (mean.size() * pixels),
          .centered = centered,
          .averaged = averaged};
}

}  // namespace

void bind_sample_norm(py::module_& m) {
  m.def(
      "sample_norm_forward",
      [](const py::array& src, const OptionalArray& gamma, const OptionalArray& beta,
         py::array& dst, py::array& mean, py::array& inv_std, int64_t pixels, float epsilon,
         bool centered, bool averaged) {
        const Arguments args("sample_norm_forward");
        const SampleNormDims dims = make_dims(args, src, mean, pixels, centered, averaged);
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto g = args.input<float>(gamma, "gamma", {dims.c()});
        const auto b = args.input<float>(beta, "beta", {dims.c()});
        float* const d = args.output<float>(dst, "dst", shape_of(src));
        float* const means = args.output<float>(mean, "mean", shape_of(mean));
        float* const deviations = args.output<float>(inv_std, "inv_std", shape_of(mean));
        args.run(SampleNormForward{dims, s, g, b, epsilon, d, means, deviations});
      },
      py::arg("src"), py::arg("gamma"), py::arg("beta"), py::arg("dst"), py::arg("mean"),
      py::arg("inv_std"), py::arg("pixels"), py::arg("epsilon"), py::arg("centered") = true,
      py::arg("averaged") = true);
  m.def(
      "sample_norm_backward",
      [](const py::array& src, const py::array& diff_dst, const OptionalArray& gamma,
         const py::array& mean, const py::array& inv_std, OptionalArray& diff_src,
         OptionalArray& diff_gamma, OptionalArray& diff_beta, int64_t pixels, bool centered,
         bool averaged) {
        const Arguments args("sample_norm_backward");
        const SampleNormDims dims = make_dims(args, src, mean, pixels, centered, averaged);
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto dy = args.input<float>(diff_dst, "diff_dst", shape_of(src));
        const auto g = args.input<float>(gamma, "gamma", {dims.c()});
        const auto means = args.input<float>(mean, "mean", shape_of(mean));
        const auto deviations = args.input<float>(inv_std, "inv_std", shape_of(mean));
        const BatchNormGradients gradients = {
            .src = args.output<float>(diff_src, "diff_src", shape_of(src)),
            .gamma = args.output<float>(diff_gamma, "diff_gamma", {dims.c()}),
            .beta = args.output<float>(diff_beta, "diff_beta", {dims.c()})};
        args.run([=] { sample_norm_backward(dims, s, dy, g, means, deviations, gradients); });
      },
      py::arg("src"), py::arg("diff_dst"), py::arg("gamma"), py::arg("mean"), py::arg("inv_std"),
      py::arg("diff_src"), py::arg("diff_gamma"), py::arg("diff_beta"), py::arg("pixels"),
      py::arg("centered") = true, py::arg("averaged") = true);
}

}  // namespace cnnx::bindings
