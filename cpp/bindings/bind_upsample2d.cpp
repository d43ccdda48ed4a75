#include "array_view.hpp"
#include "cnnx/upsample2d.hpp"

namespace cnnx::bindings {
namespace {

Interpolation interpolation_of(const Arguments& args, const std::string& name) {
  args.require(name == "nearest" || name == "bilinear", "interpolation",
               "must be nearest or bilinear, got " + name);
  return name == "nearest" ? Interpolation::kNearest : Interpolation::kBilinear;
}

// Forward, or the gradient, whose images become smaller.
void define(py::module_& m, const char* operation, const char* from_name, const char* to_name,
            bool forward) {
  m.def(
      operation,
      [=](const py::array& from, py::array& to, const Pair& factors,
          const std::string& interpolation) {
        const Arguments args(operation);
        args.in_range(factors, 1, "factors");
        const auto [mb, h, w, c] =
            forward ? args.shape<4>(from, from_name) : args.shape<4>(to, to_name);
        const auto [factor_h, factor_w] = factors;
        const std::vector<int64_t> small = {mb, h, w, c};
        const std::vector<int64_t> large = {mb, args.product({h, factor_h}, "factors"),
                                            args.product({w, factor_w}, "factors"), c};
        const auto f = args.input<float>(from, from_name, forward ? small : large);
        float* const t = args.output<float>(to, to_name, forward ? large : small);
        args.apart(to, to_name, from);
        const Interpolation way = interpolation_of(args, interpolation);
        const Upsample2dDims dims{mb, h, w, c, factor_h, factor_w};
        if (forward) {
          args.run(Upsample2dForward{dims, way, f, t});
        } else {
          args.run([=] { upsample2d_backward(dims, way, f, t); });
        }
      },
      py::arg(from_name), py::arg(to_name), py::arg("factors"), py::arg("interpolation"));
}

}  // namespace

void bind_upsample2d(py::module_& m) {
  define(m, "upsample2d_forward", "src", "dst", true);
  define(m, "upsample2d_backward", "diff_dst", "diff_src", false);
}

}  // namespace cnnx::bindings
