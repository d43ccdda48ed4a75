#include <algorithm>
#include <memory>

#include "array_view.hpp"
#include "bind_activation.hpp"
#include "cnnx/conv2d.hpp"
#include "cnnx/conv2d_chain.hpp"
#include "cnnx/im2col.hpp"
#include "cnnx/normalized_conv2d.hpp"

namespace cnnx::bindings {
namespace {

using Image = std::array<int64_t, 4>;

Conv2dDims make_dims(const Arguments& args, const Image& src, const Image& weights,
                     const Image& dst, const Pair& strides, const Pair& padding,
                     const Pair& dilation, int64_t groups, bool rotated) {
  args.in_range(strides, 1, "strides");
  args.in_range(dilation, 1, "dilation");
  args.in_range(padding, 0, "padding");
  args.in_range({weights[0], weights[1]}, 0, "weights");
  args.in_range({dst[1], dst[2]}, 0, "dst");
  args.require(std::ranges::find(weights, 0) == weights.end(), "weights", "must not be empty");
  args.require(
      groups > 0 && groups <= INT32_MAX && src[3] % groups == 0 && weights[3] % groups == 0,
      "groups", "must divide the input and output channels, got " + std::to_string(groups));
  args.require(weights[2] * groups == src[3], "weights",
               "must have " + std::to_string(src[3] / groups) + " input channels a group, got " +
                   std::to_string(weights[2]));
  return {.mb = src[0],
          .ih = src[1],
          .iw = src[2],
          .ic = src[3],
          .oh = dst[1],
          .ow = dst[2],
          .oc = weights[3],
          .kh = weights[0],
          .kw = weights[1],
          .stride_h = strides[0],
          .stride_w = strides[1],
          .pad_top = padding[0],
          .pad_left = padding[1],
          .dilation_h = dilation[0],
          .dilation_w = dilation[1],
          .groups = groups,
          .rotated = rotated};
}

// The output's shape before its pooling, if there is one, of squares or, where the rows stay, of
// pairs. Of an odd number of rows or columns the last one is in no window, so the number before has
// to be given.
using OptionalPair = std::optional<Pair>;
Image unpooled(const Arguments& args, const Image& dst, const OptionalPair& pooled_from) {
  if (!pooled_from) return dst;
  const auto [rows, columns] = *pooled_from;
  args.require(
      rows >= 0 && columns >= 0 && (dst[1] == rows / 2 || dst[1] == rows) && dst[2] == columns / 2,
      "pooled_from", "must have twice the rows and columns of dst, or the columns alone");
  return {dst[0], rows, columns, dst[3]};
}

Pooling pooling_of(const Image& dst, const OptionalPair& pooled_from) {
  if (!pooled_from) return Pooling::none;
  return dst[1] == (*pooled_from)[0] ? Pooling::pairs : Pooling::squares;
}

std::vector<int64_t> extents(const Image& shape) { return {shape.begin(), shape.end()}; }

// Images that a program may read anew in each run.
struct ImageSource {
  Source<float> data;
  Source<uint8_t> codes;
  Pooling pooling;
  operator Images() const { return {data, codes, pooling}; }
};

ImageSource diff_dst_of(const Arguments& args, const py::array& diff_dst,
                        const OptionalArray& codes, const OptionalPair& pooled_from,
                        const Image& shape, int64_t channels) {
  args.require(codes.has_value() == pooled_from.has_value(), "codes",
               "and pooled_from go together");
  const std::vector<int64_t> expected = {shape[0], shape[1], shape[2], channels};
  return {args.input<float>(diff_dst, "diff_dst", expected),
          args.input<uint8_t>(codes, "codes", expected), pooling_of(shape, pooled_from)};
}

// What is added to an operation's outputs in the same pass.
Source<float> addend_of(const Arguments& args, const OptionalArray& addend, const py::array& output,
                        const char* name) {
  if (!addend) return nullptr;
  args.apart(output, name, *addend);
  return args.input<float>(addend, "addend", shape_of(output));
}

// The scale of prepared weights has a number for each output channel.
void require_scale(const Arguments& args, const std::shared_ptr<PreparedWeights>& prepared,
                   const Conv2dDims& dims) {
  if (prepared == nullptr || prepared->scale() == nullptr) return;
  const int64_t channels = prepared->scaled_channels();
  args.require(channels == dims.oc, "prepared",
               "must have a scale of " + std::to_string(dims.oc) + " channels, got " +
                   std::to_string(channels));
}

// What holds for a convolution of images of a size.
void bind_question(py::module_& m, const char* name, bool (*holds)(const Conv2dDims&)) {
  m.def(
      name,
      [=](const std::array<int64_t, 3>& image, const Image& weights, const Pair& output_size,
          const Pair& strides, const Pair& padding, const Pair& dilation, int64_t groups,
          bool rotated) {
        const Image s = {1, image[0], image[1], image[2]};
        const Image d = {1, output_size[0], output_size[1], weights[3]};
        return holds(
            make_dims(Arguments(name), s, weights, d, strides, padding, dilation, groups, rotated));
      },
      py::arg("image"), py::arg("weights"), py::arg("output_size"), py::arg("strides"),
      py::arg("padding"), py::arg("dilation"), py::arg("groups"), py::arg("rotated"));
}

// Mean, scale and shift of each channel, which a program may read anew in each run.
struct NormalizationSource {
  Source<float> columns;
  int64_t channels;
  Activation activation;
  operator Normalization() const {
    const float* const mean = columns;
    return {mean, mean + channels, mean + 2 * channels, activation};
  }
};

NormalizationSource normalization_of(const Arguments& args, const py::array& columns,
                                     const Conv2dDims& dims, const NamedActivation& activation) {
  return {args.input<float>(columns, "columns", {3, dims.ic}), dims.ic,
          rectifier_of(args, activation)};
}

void bind_normalized_conv2d(py::module_& m) {
  m.def(
      "normalized_conv2d_forward",
      [](const py::array& src, const py::array& columns, const NamedActivation& activation,
         const py::array& weights, const OptionalArray& bias, py::array& dst, const Pair& strides,
         const Pair& padding, const Pair& dilation, int64_t groups, bool rotated) {
        const Arguments args("normalized_conv2d_forward");
        const Image s = args.shape<4>(src, "src"), w = args.shape<4>(weights, "weights"),
                    d = args.shape<4>(dst, "dst");
        const Conv2dDims dims =
            make_dims(args, s, w, d, strides, padding, dilation, groups, rotated);
        const auto src_data = args.input<float>(src, "src", extents(s));
        const NormalizationSource normalization = normalization_of(args, columns, dims, activation);
        const auto weights_data = args.input<float>(weights, "weights", extents(w));
        const auto bias_data = args.input<float>(bias, "bias", {dims.oc});
        float* dst_data = args.output<float>(dst, "dst", {dims.mb, d[1], d[2], dims.oc});
        args.run([=] {
          normalized_conv2d_forward(dims, src_data, normalization, weights_data, bias_data,
                                    dst_data);
        });
      },
      py::arg("src"), py::arg("columns"), py::arg("activation"), py::arg("weights"),
      py::arg("bias"), py::arg("dst"), py::arg("strides"), py::arg("padding"), py::arg("dilation"),
      py::arg("groups"), py::arg("rotated"));
  m.def(
      "normalized_conv2d_backward_data",
      [](const py::array& src, const py::array& columns, const NamedActivation& activation,
         const py::array& diff_dst, const py::array& weights, py::array& diff_src, py::array& sums,
         const Pair& strides, const Pair& padding, const Pair& dilation, int64_t groups,
         bool rotated) {
        const Arguments args("normalized_conv2d_backward_data");
        const Image s = args.shape<4>(src, "src"), w = args.shape<4>(weights, "weights"),
                    d = args.shape<4>(diff_dst, "diff_dst");
        const Conv2dDims dims =
            make_dims(args, s, w, d, strides, padding, dilation, groups, rotated);
        const auto src_data = args.input<float>(src, "src", extents(s));
        const NormalizationSource normalization = normalization_of(args, columns, dims, activation);
        const auto diff_dst_data =
            args.input<float>(diff_dst, "diff_dst", {dims.mb, d[1], d[2], dims.oc});
        const auto weights_data = args.input<float>(weights, "weights", extents(w));
        float* diff_src_data = args.output<float>(diff_src, "diff_src", extents(s));
        args.apart(diff_src, "diff_src", src);
        float* sums_data = args.output<float>(sums, "sums", {2, dims.ic});
        args.run([=] {
          normalized_conv2d_backward_data(dims, src_data, normalization, diff_dst_data,
                                          weights_data, diff_src_data, sums_data);
        });
      },
      py::arg("src"), py::arg("columns"), py::arg("activation"), py::arg("diff_dst"),
      py::arg("weights"), py::arg("diff_src"), py::arg("sums"), py::arg("strides"),
      py::arg("padding"), py::arg("dilation"), py::arg("groups"), py::arg("rotated"));
  m.def(
      "normalized_conv2d_backward_weights",
      [](const py::array& src, const py::array& columns, const NamedActivation& activation,
         const py::array& diff_dst, py::array& diff_weights, OptionalArray& diff_bias,
         const Pair& strides, const Pair& padding, const Pair& dilation, int64_t groups,
         bool rotated) {
        const Arguments args("normalized_conv2d_backward_weights");
        const Image s = args.shape<4>(src, "src"), w = args.shape<4>(diff_weights, "diff_weights"),
                    d = args.shape<4>(diff_dst, "diff_dst");
        const Conv2dDims dims =
            make_dims(args, s, w, d, strides, padding, dilation, groups, rotated);
        const auto src_data = args.input<float>(src, "src", extents(s));
        const NormalizationSource normalization = normalization_of(args, columns, dims, activation);
        const auto diff_dst_data =
            args.input<float>(diff_dst, "diff_dst", {dims.mb, d[1], d[2], dims.oc});
        float* diff_weights_data = args.output<float>(diff_weights, "diff_weights", extents(w));
        float* diff_bias_data = args.output<float>(diff_bias, "diff_bias", {dims.oc});
        args.run([=] {
          normalized_conv2d_backward_weights(dims, src_data, normalization, diff_dst_data,
                                             diff_weights_data, diff_bias_data);
        });
      },
      py::arg("src"), py::arg("columns"), py::arg("activation"), py::arg("diff_dst"),
      py::arg("diff_weights"), py::arg("diff_bias"), py::arg("strides"), py::arg("padding"),
      py::arg("dilation"), py::arg("groups"), py::arg("rotated"));
}

}  // namespace

void bind_conv2d(py::module_& m) {
  py::class_<PreparedWeights, std::shared_ptr<PreparedWeights>>(m, "PreparedWeights")
      .def(py::init([](const OptionalArray& scale) {
             if (!scale) return std::make_shared<PreparedWeights>();
             const Arguments args("PreparedWeights");
             const auto [channels] = args.shape<1>(*scale, "scale");
             const float* const data = args.input<float>(*scale, "scale", {channels});
             return std::make_shared<PreparedWeights>(std::vector<float>(data, data + channels));
           }),
           py::arg("scale") = py::none());
  m.def(
      "im2col",
      [](const py::array& src, py::array& col, const Pair& kernel_size, const Pair& output_size,
         const Pair& strides, const Pair& padding, const Pair& dilation) {
        const Arguments args("im2col");
        const Image s = args.shape<4>(src, "src");
        args.in_range(kernel_size, 1, "kernel_size");
        args.in_range(output_size, 1, "output_size");
        const Conv2dDims dims = make_dims(args, s, {kernel_size[0], kernel_size[1], s[3], 1},
                                          {s[0], output_size[0], output_size[1], 1}, strides,
                                          padding, dilation, 1, false);
        const int64_t pixels = args.product({s[0], output_size[0], output_size[1]}, "col");
        const int64_t patch = args.product({dims.kh, dims.kw, dims.ic}, "col");
        const auto src_data = args.input<float>(src, "src", extents(s));
        float* col_data = args.output<float>(col, "col", {pixels, patch});
        args.run([=] { im2col(dims, 0, src_data, 0, pixels, col_data); });
      },
      py::arg("src"), py::arg("col"), py::arg("kernel_size"), py::arg("output_size"),
      py::arg("strides"), py::arg("padding"), py::arg("dilation"));
  m.def(
      "conv2d_forward",
      [](const py::array& src, const py::array& weights, const OptionalArray& bias, py::array& dst,
         const Pair& strides, const Pair& padding, const Pair& dilation, int64_t groups,
         bool rotated, const NamedActivation& activation, OptionalArray& codes,
         const OptionalPair& pooled_from, const std::shared_ptr<PreparedWeights>& prepared,
         const OptionalArray& addend) {
        const Arguments args("conv2d_forward");
        const Image s = args.shape<4>(src, "src"), w = args.shape<4>(weights, "weights"),
                    d = args.shape<4>(dst, "dst");
        const Conv2dDims dims = make_dims(args, s, w, unpooled(args, d, pooled_from), strides,
                                          padding, dilation, groups, rotated);
        const auto src_data = args.input<float>(src, "src", extents(s));
        const auto weights_data = args.input<float>(weights, "weights", extents(w));
        const auto bias_data = args.input<float>(bias, "bias", {dims.oc});
        const std::vector<int64_t> shape = {dims.mb, d[1], d[2], dims.oc};
        float* dst_data = args.output<float>(dst, "dst", shape);
        const auto added = addend_of(args, addend, dst, "dst");
        const Activation of_sum = activation_of(args, activation);
        const Pooling pooling = pooling_of(d, pooled_from);
        uint8_t* codes_data = args.output<uint8_t>(codes, "codes", shape);
        args.require(pooled_from || !codes, "codes", "need pooled_from");
        args.require(!pooled_from || !addend, "addend", "cannot be added before pooling");
        require_scale(args, prepared, dims);
        args.run(Conv2dForward{dims, src_data, weights_data, bias_data, added, of_sum, pooling,
                               codes_data, dst_data, prepared});
      },
      py::arg("src"), py::arg("weights"), py::arg("bias"), py::arg("dst"), py::arg("strides"),
      py::arg("padding"), py::arg("dilation"), py::arg("groups"), py::arg("rotated"),
      py::arg("activation") = "linear", py::arg("codes") = py::none(),
      py::arg("pooled_from") = py::none(), py::arg("prepared") = py::none(),
      py::arg("addend") = py::none());
  bind_question(m, "conv2d_is_link", is_link);
  bind_question(m, "conv2d_reads_normalized", reads_normalized);
  m.def(
      "conv2d_chain_forward",
      [](const py::array& src, const std::vector<py::tuple>& links, py::array& dst,
         const OptionalArray& addend) {
        const Arguments args("conv2d_chain_forward");
        args.require(
            !links.empty() && links.size() <= kMostLinks, "links",
            "must be 1 to " + std::to_string(kMostLinks) + ", got " + std::to_string(links.size()));
        std::vector<Conv2dChainForward::Link> chain;
        Image s = args.shape<4>(src, "src");
        const auto src_data = args.input<float>(src, "src", extents(s));
        for (const py::tuple& link : links) {
          const auto [weights, bias, output_size, strides, padding, dilation, groups, rotated,
                      activation, prepared] =
              link.cast<std::tuple<py::array, OptionalArray, Pair, Pair, Pair, Pair, int64_t, bool,
                                   NamedActivation, std::shared_ptr<PreparedWeights>>>();
          const Image w = args.shape<4>(weights, "weights");
          const Image d = {s[0], output_size[0], output_size[1], w[3]};
          const Conv2dDims dims =
              make_dims(args, s, w, d, strides, padding, dilation, groups, rotated);
          args.require(prepared != nullptr, "prepared", "must not be None");
          require_scale(args, prepared, dims);
          chain.push_back({dims, args.input<float>(weights, "weights", extents(w)),
                           args.input<float>(bias, "bias", {dims.oc}),
                           activation_of(args, activation), prepared});
          s = d;
        }
        float* dst_data = args.output<float>(dst, "dst", extents(s));
        const auto added = addend_of(args, addend, dst, "dst");
        args.run(Conv2dChainForward{chain, src_data, added, dst_data});
      },
      py::arg("src"), py::arg("links"), py::arg("dst"), py::arg("addend") = py::none());
  m.def(
      "conv2d_backward_data",
      [](const py::array& diff_dst, const py::array& weights, py::array& diff_src,
         const Pair& strides, const Pair& padding, const Pair& dilation, int64_t groups,
         bool rotated, const OptionalArray& codes, const OptionalPair& pooled_from,
         const OptionalArray& addend, const OptionalArray& bias,
         const NamedActivation& activation) {
        const Arguments args("conv2d_backward_data");
        const Image s = args.shape<4>(diff_src, "diff_src"), w = args.shape<4>(weights, "weights"),
                    d = args.shape<4>(diff_dst, "diff_dst");
        const Conv2dDims dims = make_dims(args, s, w, unpooled(args, d, pooled_from), strides,
                                          padding, dilation, groups, rotated);
        const ImageSource gradient = diff_dst_of(args, diff_dst, codes, pooled_from, d, dims.oc);
        const auto weights_data = args.input<float>(weights, "weights", extents(w));
        float* diff_src_data = args.output<float>(diff_src, "diff_src", extents(s));
        const auto bias_data = args.input<float>(bias, "bias", {dims.ic});
        const auto added = addend_of(args, addend, diff_src, "diff_src");
        const Activation of_sum = activation_of(args, activation);
        args.run(Conv2dBackwardData{dims, gradient.data, gradient.codes, gradient.pooling,
                                    weights_data, bias_data, added, of_sum, diff_src_data});
      },
      py::arg("diff_dst"), py::arg("weights"), py::arg("diff_src"), py::arg("strides"),
      py::arg("padding"), py::arg("dilation"), py::arg("groups"), py::arg("rotated"),
      py::arg("codes") = py::none(), py::arg("pooled_from") = py::none(),
      py::arg("addend") = py::none(), py::arg("bias") = py::none(),
      py::arg("activation") = "linear");
  m.def(
      "conv2d_backward_weights",
      [](const py::array& src, const py::array& diff_dst, py::array& diff_weights,
         OptionalArray& diff_bias, const Pair& strides, const Pair& padding, const Pair& dilation,
         int64_t groups, bool rotated, const OptionalArray& codes,
         const OptionalPair& pooled_from) {
        const Arguments args("conv2d_backward_weights");
        const Image s = args.shape<4>(src, "src"), w = args.shape<4>(diff_weights, "diff_weights"),
                    d = args.shape<4>(diff_dst, "diff_dst");
        const Conv2dDims dims = make_dims(args, s, w, unpooled(args, d, pooled_from), strides,
                                          padding, dilation, groups, rotated);
        const auto src_data = args.input<float>(src, "src", extents(s));
        const ImageSource gradient = diff_dst_of(args, diff_dst, codes, pooled_from, d, dims.oc);
        float* diff_weights_data = args.output<float>(diff_weights, "diff_weights", extents(w));
        float* diff_bias_data = args.output<float>(diff_bias, "diff_bias", {dims.oc});
        args.run([=] {
          conv2d_backward_weights(dims, src_data, gradient, diff_weights_data, diff_bias_data);
        });
      },
      py::arg("src"), py::arg("diff_dst"), py::arg("diff_weights"), py::arg("diff_bias"),
      py::arg("strides"), py::arg("padding"), py::arg("dilation"), py::arg("groups"),
      py::arg("rotated"), py::arg("codes") = py::none(), py::arg("pooled_from") = py::none());
  bind_normalized_conv2d(m);
}

}  // namespace cnnx::bindings
