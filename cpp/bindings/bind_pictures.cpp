#include <cmath>

#include "array_view.hpp"
#include "cnnx/pictures.hpp"
#include "cnnx/random_numbers.hpp"
#include "sampling.hpp"

namespace cnnx::bindings {
namespace {

ValueRange range_of(const Arguments& args, const std::array<float, 2>& range) {
  args.require(range[0] < range[1], "value_range", "must be (low, high)");
  return {range[0], range[1]};
}

bool is_odd(float count) {
  return count >= 1.0f && count <= static_cast<float>(kMostTaps) && std::fmod(count, 2.0f) == 1.0f;
}

// What an operation reads of its parameters, and of the range, must not lead outside of an array.
void require_step(const Arguments& args, int32_t code, const float* p, ValueRange range) {
  args.require(code >= 0 && code < kPictureOperations, "operations",
               "must be from 0 to 13, got " + std::to_string(code));
  const char* const name = "parameters";
  for (int64_t i = 0; i < kPictureNumbers; ++i) {
    args.require(std::abs(p[i]) <= 0x1p30f, name, "must be finite, of at most 2^30");
  }
  const auto finite = [&] {
    args.require(std::isfinite(range.high - range.low), "value_range", "must be finite");
  };
  switch (static_cast<PictureOperation>(code)) {
    case PictureOperation::kPosterize:
      finite();
      return args.require(p[0] >= 1.0f && p[0] <= 8.0f, name, "must be 1 to 8 bits");
    case PictureOperation::kEqualize:
      finite();
      return args.require(p[0] >= 2.0f && p[0] <= static_cast<float>(kMostBins), name,
                          "must be 2 to 256 bins");
    case PictureOperation::kBlur:
      return args.require(is_odd(p[0]) && is_odd(p[1]) && p[2] > 0.0f && p[3] > 0.0f, name,
                          "must be odd numbers of taps up to 255, and deviations above 0");
    case PictureOperation::kHue:
      return args.require(std::abs(p[0]) <= 1.0f, name, "must be at most a turn");
    default:
      return;
  }
}

void transform(const py::array& src, const py::array& operations, const py::array& parameters,
               py::array& dst, const std::array<float, 2>& value_range,
               const std::string& fill_mode, const std::string& interpolation, float fill_value) {
  const Arguments args("transform_pictures");
  const PictureDims dims = pictures_of(args, src, "src");
  const auto steps = args.shape<2>(operations, "operations")[1];
  const auto s = args.input<float>(src, "src", shape_of(src));
  const auto codes = args.input<int32_t>(operations, "operations", {dims.mb, steps});
  const auto numbers =
      args.input<float>(parameters, "parameters", {dims.mb, steps, kPictureNumbers});
  float* const d = args.output<float>(dst, "dst", shape_of(src));
  args.apart(dst, "dst", src);
  const ValueRange range = range_of(args, value_range);
  const Sampling sampling = sampling_of(args, fill_mode, interpolation, fill_value);
  const int32_t* const first = codes;
  const float* const p = numbers;
  for (int64_t i = 0; i < dims.mb * steps; ++i) {
    require_step(args, first[i], p + i * kPictureNumbers, range);
  }
  args.run([=] { transform_pictures(dims, {steps, codes, numbers}, range, sampling, s, d); });
}

void require_boxes(const Arguments& args, const PictureDims& dims, const int32_t* boxes) {
  for (const int32_t* box = boxes; box != boxes + 4 * dims.mb; box += 4) {
    args.require(box[0] >= 0 && box[0] <= box[2] && box[2] <= dims.h && box[1] >= 0 &&
                     box[1] <= box[3] && box[3] <= dims.w,
                 "boxes", "must be (top, left, bottom, right) within the pictures");
  }
}

void mix(const py::array& src, const py::array& partners, const py::array& weights,
         const py::array& boxes, py::array& dst) {
  const Arguments args("mix_pictures");
  const PictureDims dims = pictures_of(args, src, "src");
  const auto s = args.input<float>(src, "src", shape_of(src));
  const auto p = args.input<int64_t>(partners, "partners", {dims.mb});
  const auto w = args.input<float>(weights, "weights", {dims.mb});
  const auto b = args.input<int32_t>(boxes, "boxes", {dims.mb, 4});
  float* const d = args.output<float>(dst, "dst", shape_of(src));
  args.apart(dst, "dst", src);
  require_boxes(args, dims, b);
  for (int64_t n = 0; n < dims.mb; ++n) {
    args.require(p[n] >= 0 && p[n] < dims.mb, "partners", "must be numbers of pictures");
  }
  args.run([=] { mix_pictures(dims, s, p, w, b, d); });
}

void erase(const py::array& src, const py::array& boxes, const py::array& fill, py::array& dst,
           const std::array<float, 2>& value_range, float deviation, uint64_t seed) {
  const Arguments args("erase_pictures");
  const PictureDims dims = pictures_of(args, src, "src");
  const auto s = args.input<float>(src, "src", shape_of(src));
  const auto b = args.input<int32_t>(boxes, "boxes", {dims.mb, 4});
  const auto f = args.input<float>(fill, "fill", {dims.c});
  float* const d = args.output<float>(dst, "dst", shape_of(src));
  args.apart(dst, "dst", src);
  require_boxes(args, dims, b);
  const ValueRange range = range_of(args, value_range);
  args.run([=] { erase_pictures(dims, s, b, {f, deviation, seed}, range, d); });
}

// Forward from large pictures to their parts, or backward.
template <typename Function>
void define_crop(py::module_& m, const char* operation, bool forward, Function function,
                 const char* from_name, const char* to_name) {
  m.def(
      operation,
      [=](const py::array& from, const py::array& offsets, py::array& to) {
        const Arguments args(operation);
        const PictureDims large =
            pictures_of(args, forward ? from : to, forward ? from_name : to_name);
        const auto [mb, oh, ow, c] =
            args.shape<4>(forward ? to : from, forward ? to_name : from_name);
        const auto f = args.input<float>(
            from, from_name,
            forward ? shape_of(from) : std::vector<int64_t>{large.mb, oh, ow, large.c});
        const auto o = args.input<int32_t>(offsets, "offsets", {large.mb, 2});
        float* const t = args.output<float>(
            to, to_name, forward ? std::vector<int64_t>{large.mb, oh, ow, large.c} : shape_of(to));
        args.apart(to, to_name, from);
        for (int64_t n = 0; n < large.mb; ++n) {
          args.require(o[2 * n] >= 0 && o[2 * n] + oh <= large.h && o[2 * n + 1] >= 0 &&
                           o[2 * n + 1] + ow <= large.w,
                       "offsets", "must keep the parts within the pictures");
        }
        args.run([=, oh = oh, ow = ow] { function(large, oh, ow, o, f, t); });
      },
      py::arg(from_name), py::arg("offsets"), py::arg(to_name));
}

}  // namespace

void bind_pictures(py::module_& m) {
  m.def("transform_pictures", transform, py::arg("src"), py::arg("operations"),
        py::arg("parameters"), py::arg("dst"), py::arg("value_range"),
        py::arg("fill_mode") = "reflect", py::arg("interpolation") = "bilinear",
        py::arg("fill_value") = 0.0f);
  m.def("mix_pictures", mix, py::arg("src"), py::arg("partners"), py::arg("weights"),
        py::arg("boxes"), py::arg("dst"));
  m.def("erase_pictures", erase, py::arg("src"), py::arg("boxes"), py::arg("fill"), py::arg("dst"),
        py::arg("value_range"), py::arg("deviation") = 0.0f, py::arg("seed") = 0);
  define_crop(m, "crop_forward", true, crop_forward, "src", "dst");
  define_crop(m, "crop_backward_data", false, crop_backward_data, "diff_dst", "diff_src");
  m.def(
      "uniform_numbers",
      [](uint64_t seed, py::array& dst) {
        const Arguments args("uniform_numbers");
        const auto [rows, count] = args.shape<2>(dst, "dst");
        float* const d = args.output<float>(dst, "dst", shape_of(dst));
        args.run([=, rows = rows, count = count] { uniform_numbers(rows, count, seed, d); });
      },
      py::arg("seed"), py::arg("dst"));
}

}  // namespace cnnx::bindings
