#include "array_view.hpp"
#include "cnnx/resample2d.hpp"

namespace cnnx::bindings {
namespace {

using Axis = Resample2dForward::Axis;

// Places and shares along an axis of `extent` pixels, for `count` pixels of the output.
Axis axis_of(const Arguments& args, const py::array& places, const py::array& shares, int64_t count,
             int64_t extent, const char* name) {
  const int64_t taps = args.shape<2>(shares, name)[1];
  const auto numbers = args.input<int32_t>(places, name, {count, taps});
  const int32_t* const first = numbers;
  for (int64_t i = 0; i < count * taps; ++i) {
    args.require(first[i] >= 0 && first[i] < extent, name, "must be numbers of pixels");
  }
  return {taps, numbers, args.input<float>(shares, name, {count, taps})};
}

// (mb, h, w, c) and (mb, oh, ow, c)
Resample2dDims dims_of(const Arguments& args, const py::array& small, const char* name,
                       const py::array& result, const char* result_name) {
  const auto [mb, h, w, c] = args.shape<4>(small, name);
  const auto [outs, oh, ow, channels] = args.shape<4>(result, result_name);
  args.require(outs == mb && channels == c, result_name, "must have as many images and channels");
  return {mb, h, w, oh, ow, c};
}

void forward(const py::array& src, const py::array& row_places, const py::array& row_shares,
             const py::array& column_places, const py::array& column_shares, py::array& dst,
             float fill) {
  const Arguments args("resample2d_forward");
  const Resample2dDims d = dims_of(args, src, "src", dst, "dst");
  const auto s = args.input<float>(src, "src", shape_of(src));
  float* const t = args.output<float>(dst, "dst", shape_of(dst));
  args.apart(dst, "dst", src);
  const Axis rows = axis_of(args, row_places, row_shares, d.oh, d.h, "row_places");
  const Axis columns = axis_of(args, column_places, column_shares, d.ow, d.w, "column_places");
  args.run(Resample2dForward{d, rows, columns, fill, s, t});
}

void backward(const py::array& diff_dst, const py::array& row_places, const py::array& row_shares,
              const py::array& column_places, const py::array& column_shares, py::array& diff_src) {
  const Arguments args("resample2d_backward");
  const Resample2dDims d = dims_of(args, diff_src, "diff_src", diff_dst, "diff_dst");
  const auto s = args.input<float>(diff_dst, "diff_dst", shape_of(diff_dst));
  float* const t = args.output<float>(diff_src, "diff_src", shape_of(diff_src));
  args.apart(diff_src, "diff_src", diff_dst);
  const Axis rows = axis_of(args, row_places, row_shares, d.oh, d.h, "row_places");
  const Axis columns = axis_of(args, column_places, column_shares, d.ow, d.w, "column_places");
  args.run([=] { resample2d_backward(d, rows.pixel_shares(), columns.pixel_shares(), s, t); });
}

}  // namespace

void bind_resample2d(py::module_& m) {
  m.def("resample2d_forward", forward, py::arg("src"), py::arg("row_places"), py::arg("row_shares"),
        py::arg("column_places"), py::arg("column_shares"), py::arg("dst"), py::arg("fill") = 0.0f);
  m.def("resample2d_backward", backward, py::arg("diff_dst"), py::arg("row_places"),
        py::arg("row_shares"), py::arg("column_places"), py::arg("column_shares"),
        py::arg("diff_src"));
}

}  // namespace cnnx::bindings
