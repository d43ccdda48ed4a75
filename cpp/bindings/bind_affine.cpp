#include <cmath>

#include "array_view.hpp"
#include "cnnx/affine.hpp"

namespace cnnx::bindings {
namespace {

using Function = void (*)(const AffineDims&, FillMode, const float*, const float*, float*);

void define(py::module_& m, const char* operation, Function function, const char* from_name,
            const char* to_name) {
  m.def(
      operation,
      [=](const py::array& from, const py::array& transforms, py::array& to,
          const std::string& fill_mode) {
        const Arguments args(operation);
        const auto shape = args.shape<4>(from, from_name);
        const AffineDims dims{.mb = shape[0], .h = shape[1], .w = shape[2], .c = shape[3]};
        args.require(dims.h > 0 && dims.w > 0, from_name, "has no pixels");
        const auto f = args.input<float>(from, from_name, shape_of(from));
        const auto t = args.input<float>(transforms, "transforms", {dims.mb, 2, 3});
        auto* d = args.output<float>(to, to_name, shape_of(from));
        args.apart(to, to_name, from);
        const float* const numbers = t;
        for (int64_t i = 0; i < 6 * dims.mb; ++i) {
          args.require(std::abs(numbers[i]) <= 0x1p30f, "transforms",
                       "must be finite, of at most 2^30");
        }
        FillMode fill = FillMode::kConstant;
        if (fill_mode == "nearest") {
          fill = FillMode::kNearest;
        } else if (fill_mode == "reflect") {
          fill = FillMode::kReflect;
        } else if (fill_mode == "wrap") {
          fill = FillMode::kWrap;
        } else {
          args.require(fill_mode == "constant", "fill_mode",
                       "must be constant, nearest, reflect or wrap, got " + fill_mode);
        }
        args.run([=] { function(dims, fill, t, f, d); });
      },
      py::arg(from_name), py::arg("transforms"), py::arg(to_name), py::arg("fill_mode"));
}

}  // namespace

void bind_affine(py::module_& m) {
  define(m, "affine_forward", affine_forward, "src", "dst");
  define(m, "affine_backward_data", affine_backward_data, "diff_dst", "diff_src");
}

}  // namespace cnnx::bindings
