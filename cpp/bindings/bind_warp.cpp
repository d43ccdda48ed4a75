#include "array_view.hpp"
#include "cnnx/warp.hpp"
#include "sampling.hpp"

namespace cnnx::bindings {
namespace {

using Function = void (*)(const PictureDims&, const Sampling&, const float*, const float*, float*);

void define(py::module_& m, const char* operation, Function function, const char* from_name,
            const char* to_name) {
  m.def(
      operation,
      [=](const py::array& from, const py::array& transforms, py::array& to,
          const std::string& fill_mode, const std::string& interpolation, float fill_value) {
        const Arguments args(operation);
        const PictureDims dims = pictures_of(args, from, from_name);
        const auto f = args.input<float>(from, from_name, shape_of(from));
        const auto t = args.input<float>(transforms, "transforms", {dims.mb, kWarpNumbers});
        auto* d = args.output<float>(to, to_name, shape_of(from));
        args.apart(to, to_name, from);
        require_places(args, t, kWarpNumbers * dims.mb, "transforms");
        const Sampling sampling = sampling_of(args, fill_mode, interpolation, fill_value);
        args.run([=] { function(dims, sampling, t, f, d); });
      },
      py::arg(from_name), py::arg("transforms"), py::arg(to_name), py::arg("fill_mode"),
      py::arg("interpolation") = "bilinear", py::arg("fill_value") = 0.0f);
}

}  // namespace

void bind_warp(py::module_& m) {
  define(m, "warp_forward", warp_forward, "src", "dst");
  define(m, "warp_backward_data", warp_backward_data, "diff_dst", "diff_src");
}

}  // namespace cnnx::bindings
