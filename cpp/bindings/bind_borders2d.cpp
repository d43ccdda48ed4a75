#include "array_view.hpp"
#include "cnnx/borders2d.hpp"

namespace cnnx::bindings {
namespace {

using Image = std::array<int64_t, 4>;

Borders2dDims make_dims(const Arguments& args, const Image& outer, const Image& inner,
                        const Pair& corner, const char* name) {
  const auto [top, left] = corner;
  args.in_range(corner, 0, name);
  args.require(inner[1] <= outer[1] - top && inner[2] <= outer[2] - left, name,
               "must leave room for the inner image, got (" + std::to_string(top) + ", " +
                   std::to_string(left) + ")");
  return {.mb = outer[0],
          .h = outer[1],
          .w = outer[2],
          .c = outer[3],
          .inner_h = inner[1],
          .inner_w = inner[2],
          .top = top,
          .left = left};
}

// Padding (src is inside dst) or cropping (dst is inside src).
template <bool Pads>
void define(py::module_& m, const char* corner_name) {
  constexpr const char* operation = Borders2d<Pads>::name();
  m.def(
      operation,
      [corner_name](const py::array& src, py::array& dst, const Pair& corner) {
        const Arguments args(operation);
        const Image s = args.shape<4>(src, "src"), d = args.shape<4>(dst, "dst");
        const Borders2dDims dims = Pads ? make_dims(args, d, s, corner, corner_name)
                                        : make_dims(args, s, d, corner, corner_name);
        const auto from = args.input<float>(src, "src", {d[0], s[1], s[2], d[3]});
        float* const to = args.output<float>(dst, "dst", shape_of(dst));
        args.apart(dst, "dst", src);
        args.run(Borders2d<Pads>{dims, from, to});
      },
      py::arg("src"), py::arg("dst"), py::arg(corner_name));
}

}  // namespace

void bind_borders2d(py::module_& m) {
  define<true>(m, "padding");
  define<false>(m, "cropping");
}

}  // namespace cnnx::bindings
