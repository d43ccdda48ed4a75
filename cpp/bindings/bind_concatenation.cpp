#include "array_view.hpp"
#include "cnnx/concatenation.hpp"

namespace cnnx::bindings {
namespace {

// A joined array, seen as rows: all axes from `axis` on make one.
struct Whole {
  Whole(const Arguments& args, const py::array& array, int64_t axis)
      : shape(shape_of(array)), axis(axis) {
    args.require(axis >= 0 && axis < array.ndim(), "axis",
                 "must be at least 0 and less than " + std::to_string(array.ndim()) + ", got " +
                     std::to_string(axis));
    extent = shape[axis];
    for (int64_t i = 0; i < axis; ++i) rows *= shape[i];
    for (int64_t i = axis + 1; i < array.ndim(); ++i) inner *= shape[i];
  }

  // The shape of a part, which has an extent of its own along the axis.
  std::vector<int64_t> part_shape(const Arguments& args, const py::array& part, int64_t begin,
                                  const char* name) const {
    args.require(part.ndim() == static_cast<py::ssize_t>(shape.size()), name,
                 "must have " + std::to_string(shape.size()) + " dimensions, got " +
                     std::to_string(part.ndim()));
    std::vector<int64_t> of_part = shape;
    of_part[axis] = part.shape(axis);
    args.require(begin >= 0 && begin <= extent - of_part[axis], name,
                 "must lie within the " + std::to_string(extent) + " of the joined axis, got " +
                     std::to_string(of_part[axis]) + " from " + std::to_string(begin) + " on");
    return of_part;
  }

  std::vector<int64_t> shape;
  int64_t axis;
  int64_t rows = 1, extent = 1, inner = 1;
};

}  // namespace

void bind_concatenation(py::module_& m) {
  m.def(
      "concatenate",
      [](const std::vector<py::array>& srcs, py::array& dst, int64_t axis) {
        const Arguments args("concatenate");
        const Whole whole(args, dst, axis);
        Concatenate call;
        call.rows = whole.rows, call.n = whole.extent * whole.inner;
        int64_t begin = 0;
        for (const py::array& src : srcs) {
          const std::vector<int64_t> shape = whole.part_shape(args, src, begin, "srcs");
          call.add({begin * whole.inner, shape[axis] * whole.inner, whole.rows,
                    args.input<float>(src, "srcs", shape)});
          args.apart(dst, "dst", src);
          begin += shape[axis];
        }
        args.require(begin == whole.extent, "srcs",
                     "must fill the " + std::to_string(whole.extent) + " of the joined axis, got " +
                         std::to_string(begin));
        call.dst = args.output<float>(dst, "dst", whole.shape);
        args.run(call);
      },
      py::arg("srcs"), py::arg("dst"), py::arg("axis"));
  m.def(
      "split",
      [](const py::array& src, std::vector<py::array> dsts, const std::vector<int64_t>& begins,
         int64_t axis) {
        const Arguments args("split");
        const Whole whole(args, src, axis);
        args.require(begins.size() == dsts.size(), "begins",
                     "must be as many as dsts, got " + std::to_string(begins.size()) + " for " +
                         std::to_string(dsts.size()));
        std::vector<Part<float>> parts;
        for (size_t i = 0; i < dsts.size(); ++i) {
          const std::vector<int64_t> shape = whole.part_shape(args, dsts[i], begins[i], "dsts");
          parts.push_back({args.output<float>(dsts[i], "dsts", shape), begins[i] * whole.inner,
                           shape[axis] * whole.inner});
          args.apart(dsts[i], "dsts", src);
        }
        const auto from = args.input<float>(src, "src", whole.shape);
        args.run([=] { split(whole.rows, whole.extent * whole.inner, from, parts); });
      },
      py::arg("src"), py::arg("dsts"), py::arg("begins"), py::arg("axis"));
}

}  // namespace cnnx::bindings
