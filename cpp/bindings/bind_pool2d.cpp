#include "array_view.hpp"
#include "cnnx/pool2d.hpp"

namespace cnnx::bindings {
namespace {

using Image = std::array<int64_t, 4>;

// dst names the array that has dst's shape.
Pool2dDims make_dims(const Arguments& args, const Image& src, const Image& dst,
                     const char* dst_name, const Pair& pool_size, const Pair& strides,
                     const Pair& padding) {
  args.in_range(pool_size, 1, "pool_size");
  args.require(pool_size[0] <= INT32_MAX / pool_size[1], "pool_size",
               "has too many pixels for an int32 argmax");
  args.in_range(strides, 0, "strides");
  for (size_t axis : {0, 1}) {
    args.require(padding[axis] >= 0 && padding[axis] < pool_size[axis], "padding",
                 "must lie in [0, pool_size), got " + std::to_string(padding[axis]));
    if (strides[axis] == 0) {
      args.require(padding[axis] == 0, "padding",
                   "must be 0 where a stride of 0 shares out pixels");
      args.require(src[axis + 1] > 0 && holds_shares(src[axis + 1], dst[axis + 1], pool_size[axis]),
                   "pool_size",
                   "is less than a share of " + std::to_string(src[axis + 1]) + " pixels among " +
                       std::to_string(dst[axis + 1]));
      continue;
    }
    // Then every window sees a pixel.
    const int64_t last_start = src[axis + 1] - 1 + padding[axis];
    args.require(src[axis + 1] > 0 && dst[axis + 1] - 1 <= last_start / strides[axis], dst_name,
                 "has windows outside the image: an extent of " + std::to_string(dst[axis + 1]) +
                     " for " + std::to_string(src[axis + 1]) + " pixels");
  }
  return {.mb = src[0],
          .ih = src[1],
          .iw = src[2],
          .c = src[3],
          .oh = dst[1],
          .ow = dst[2],
          .kh = pool_size[0],
          .kw = pool_size[1],
          .stride_h = strides[0],
          .stride_w = strides[1],
          .pad_top = padding[0],
          .pad_left = padding[1]};
}

std::vector<int64_t> src_shape(const Pool2dDims& d) { return {d.mb, d.ih, d.iw, d.c}; }
std::vector<int64_t> dst_shape(const Pool2dDims& d) { return {d.mb, d.oh, d.ow, d.c}; }

// Calls body with a number of the type that positions in the window have.
template <typename Body>
void with_positions(const Pool2dDims& d, Body body) {
  if (d.kh * d.kw <= kMostBytePositions) {
    body(uint8_t{});
  } else {
    body(int32_t{});
  }
}

// Of average and sum.
using PoolGradient = void (*)(const Pool2dDims& dims, const float* diff_dst, float* diff_src);

template <PoolKind Kind>
void def_forward(py::module_& m) {
  constexpr const char* name = Pool2dForward<Kind>::name();
  m.def(
      name,
      [](const py::array& src, py::array& dst, const Pair& pool_size, const Pair& strides,
         const Pair& padding) {
        const Arguments args(name);
        const Pool2dDims dims =
            make_dims(args, args.shape<4>(src, "src"), args.shape<4>(dst, "dst"), "dst", pool_size,
                      strides, padding);
        const auto s = args.input<float>(src, "src", src_shape(dims));
        float* d = args.output<float>(dst, "dst", dst_shape(dims));
        args.apart(dst, "dst", src);
        args.run(Pool2dForward<Kind>{dims, s, d});
      },
      py::arg("src"), py::arg("dst"), py::arg("pool_size"), py::arg("strides"), py::arg("padding"));
}

void def_backward(py::module_& m, const char* name, PoolGradient backward) {
  m.def(
      name,
      [name, backward](const py::array& diff_dst, py::array& diff_src, const Pair& pool_size,
                       const Pair& strides, const Pair& padding) {
        const Arguments args(name);
        const Pool2dDims dims =
            make_dims(args, args.shape<4>(diff_src, "diff_src"),
                      args.shape<4>(diff_dst, "diff_dst"), "diff_dst", pool_size, strides, padding);
        const auto dd = args.input<float>(diff_dst, "diff_dst", dst_shape(dims));
        float* ds = args.output<float>(diff_src, "diff_src", src_shape(dims));
        args.apart(diff_src, "diff_src", diff_dst);
        args.run([=] { backward(dims, dd, ds); });
      },
      py::arg("diff_dst"), py::arg("diff_src"), py::arg("pool_size"), py::arg("strides"),
      py::arg("padding"));
}

}  // namespace

void bind_pool2d(py::module_& m) {
  m.def(
      "max_pool2d_forward",
      [](const py::array& src, py::array& dst, OptionalArray& argmax, const Pair& pool_size,
         const Pair& strides, const Pair& padding) {
        const Arguments args("max_pool2d_forward");
        const Pool2dDims dims =
            make_dims(args, args.shape<4>(src, "src"), args.shape<4>(dst, "dst"), "dst", pool_size,
                      strides, padding);
        const auto s = args.input<float>(src, "src", src_shape(dims));
        float* d = args.output<float>(dst, "dst", dst_shape(dims));
        args.apart(dst, "dst", src);
        if (!argmax) {
          args.run(Pool2dForward<PoolKind::max>{dims, s, d});
          return;
        }
        with_positions(dims, [&](auto position) {
          auto* a = args.output<decltype(position)>(argmax, "argmax", dst_shape(dims));
          args.run([=] { max_pool2d_forward(dims, s, d, a); });
        });
      },
      py::arg("src"), py::arg("dst"), py::arg("argmax"), py::arg("pool_size"), py::arg("strides"),
      py::arg("padding"));
  m.def(
      "max_pool2d_backward",
      [](const py::array& diff_dst, const py::array& argmax, py::array& diff_src,
         const Pair& pool_size, const Pair& strides, const Pair& padding, bool accumulate) {
        const Arguments args("max_pool2d_backward");
        const Pool2dDims dims =
            make_dims(args, args.shape<4>(diff_src, "diff_src"),
                      args.shape<4>(diff_dst, "diff_dst"), "diff_dst", pool_size, strides, padding);
        const auto dd = args.input<float>(diff_dst, "diff_dst", dst_shape(dims));
        float* ds = args.output<float>(diff_src, "diff_src", src_shape(dims));
        args.apart(diff_src, "diff_src", diff_dst);
        with_positions(dims, [&](auto position) {
          const auto a = args.input<decltype(position)>(argmax, "argmax", dst_shape(dims));
          args.run([=] { max_pool2d_backward(dims, dd, a, ds, accumulate); });
        });
      },
      py::arg("diff_dst"), py::arg("argmax"), py::arg("diff_src"), py::arg("pool_size"),
      py::arg("strides"), py::arg("padding"), py::arg("accumulate") = false);
  def_forward<PoolKind::avg>(m);
  def_backward(m, "avg_pool2d_backward", avg_pool2d_backward);
  def_forward<PoolKind::sum>(m);
  def_backward(m, "sum_pool2d_backward", sum_pool2d_backward);
}

}  // namespace cnnx::bindings
