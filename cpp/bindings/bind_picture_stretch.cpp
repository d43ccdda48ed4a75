#include <cstring>

#include "array_view.hpp"
#include "cnnx/picture_stretch.hpp"

namespace cnnx::bindings {
namespace {

// The structs of Arrow's C data interface, as its specification has them.
struct ArrowSchema {
  const char *format, *name, *metadata;
  int64_t flags, n_children;
  ArrowSchema **children, *dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length, null_count, offset, n_buffers, n_children;
  const void** buffers;
  ArrowArray **children, *dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

// The bytes of an array of bytes, or of lists of so many bytes each, where they lie.
py::array arrow_bytes(const py::capsule& schema_capsule, const py::capsule& array_capsule) {
  const Arguments args("arrow_bytes");
  const auto* schema =
      static_cast<const ArrowSchema*>(PyCapsule_GetPointer(schema_capsule.ptr(), "arrow_schema"));
  const auto* array =
      schema
          ? static_cast<const ArrowArray*>(PyCapsule_GetPointer(array_capsule.ptr(), "arrow_array"))
          : nullptr;
  if (!array) throw py::error_already_set();
  args.require(schema->release && array->release, "array", "must not be released");
  bool whole = array->offset == 0;
  if (schema->n_children == 1 && array->n_children == 1 &&
      !std::strncmp(schema->format, "+w:", 3)) {
    schema = schema->children[0];
    array = array->children[0];
    whole = whole && array->offset == 0;
  }
  args.require(whole && !std::strcmp(schema->format, "C") && array->n_buffers == 2, "array",
               "must hold bytes");
  return py::array(py::dtype::of<uint8_t>(), {array->length}, {1}, array->buffers[1],
                   array_capsule);
}

// A stretch, and the array that it writes to.
struct BoundStretch {
  py::array dst;
  PictureStretch stretch;
};

BoundStretch begin(const py::array& dst, const std::array<int64_t, 3>& shape,
                   const std::array<double, 4>& box) {
  const Arguments args("PictureStretch");
  const auto [oh, ow, c] = args.shape<3>(dst, "dst");
  const auto [h, w, bytes] = shape;
  args.in_range({h, w}, 1, "shape");
  args.in_range({oh, ow}, 1, "dst");
  args.require(bytes == 1 || bytes == 4, "shape", "must end in 1 or 4 bytes a pixel");
  args.require((c == 1 && bytes == 1) || c == 3, "dst",
               "must have 3 channels, or 1 of pixels of one byte");
  const auto [left, top, right, bottom] = box;
  args.require(0 <= left && left < right && right <= static_cast<double>(w) && 0 <= top &&
                   top < bottom && bottom <= static_cast<double>(h),
               "box", "must be (left, top, right, bottom) within the picture");
  py::array out = dst;
  PictureStretch::Output output;
  if (py::isinstance<py::array_t<float>>(dst)) {
    output = args.output<float>(out, "dst", shape_of(dst));
  } else {
    output = args.output<uint8_t>(out, "dst", shape_of(dst));
  }
  return {out, PictureStretch({h, w, bytes, oh, ow, c}, {left, top, right, bottom}, output)};
}

void take(BoundStretch& bound, const py::array& rows) {
  const Arguments args("PictureStretch.take");
  const StretchDims& dims = bound.stretch.dims();
  const auto count = args.shape<3>(rows, "rows")[0];
  const uint8_t* const src = args.input<uint8_t>(rows, "rows", {count, dims.w, dims.bytes});
  args.require(count <= dims.h - bound.stretch.rows_taken(), "rows",
               "must not be more than the picture has left");
  const GilRelease release;
  bound.stretch.take(count, src);
}

}  // namespace

void bind_picture_stretch(py::module_& m) {
  m.def("arrow_bytes", arrow_bytes, py::arg("schema"), py::arg("array"));
  py::class_<BoundStretch>(m, "PictureStretch")
      .def(py::init(&begin), py::arg("dst"), py::arg("shape"), py::arg("box"))
      .def("take", &take, py::arg("rows"));
}

}  // namespace cnnx::bindings
