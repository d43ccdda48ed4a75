// The calls of convolutions in use, see calls.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cnnx/conv2d.hpp"
#include "cnnx/conv2d_chain.hpp"
#include "program/source.hpp"

namespace cnnx {

template <typename Fields>
void describe(Fields& f, Conv2dDims& d) {
  f.number("mb", d.mb, 0);
  f.number("ih", d.ih, 0);
  f.number("iw", d.iw, 0);
  f.number("ic", d.ic);
  f.number("oh", d.oh, 0);
  f.number("ow", d.ow, 0);
  f.number("oc", d.oc);
  f.number("kh", d.kh);
  f.number("kw", d.kw);
  f.number("stride_h", d.stride_h);
  f.number("stride_w", d.stride_w);
  f.number("pad_top", d.pad_top, 0);
  f.number("pad_left", d.pad_left, 0);
  f.number("dilation_h", d.dilation_h);
  f.number("dilation_w", d.dilation_w);
  f.number("groups", d.groups);
  f.flag("rotated", d.rotated);
  f.require(d.ic % d.groups == 0 && d.oc % d.groups == 0, "groups must divide the channels");
}

struct Conv2dForward {
  Conv2dDims dims{};
  Source<float> src, weights, bias, addend;
  Activation activation{};
  Pooling pooling{};
  uint8_t* codes = nullptr;
  float* dst = nullptr;
  std::shared_ptr<PreparedWeights> prepared;

  static constexpr const char* name() { return "conv2d_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    cnnx::describe(f, dims);
    f.activation(activation);
    int64_t window = window_rows(pooling);
    f.number("window_rows", window, 0);
    f.require(window <= window_rows(Pooling::squares), "window_rows must be at most 2");
    pooling = static_cast<Pooling>(window);
    const bool pooled = pooling != Pooling::none;
    const int64_t oh = pooling == Pooling::squares ? dims.oh / 2 : dims.oh;
    const int64_t ow = pooled ? dims.ow / 2 : dims.ow;
    f.input("src", src, {dims.mb, dims.ih, dims.iw, dims.ic});
    f.weights(weights, {dims.kh, dims.kw, dims.ic / dims.groups, dims.oc}, prepared);
    f.optional_input("bias", bias, {dims.oc});
    f.optional_input("addend", addend, {dims.mb, dims.oh, dims.ow, dims.oc});
    f.require(!pooled || addend == nullptr, "an addend cannot be added before pooling");
    f.require(codes == nullptr, "codes are for training");
    f.output("dst", dst, {dims.mb, oh, ow, dims.oc});
  }
  void operator()() const {
    conv2d_forward(dims, src, weights, bias, {addend, activation, pooling, codes}, dst,
                   prepared.get());
  }
};

struct Conv2dChainForward {
  struct Link {
    Conv2dDims dims{};
    Source<float> weights, bias;
    Activation activation{};
    std::shared_ptr<PreparedWeights> prepared;

    template <typename Fields>
    void describe(Fields& f) {
      cnnx::describe(f, dims);
      f.activation(activation);
      f.weights(weights, {dims.kh, dims.kw, dims.ic / dims.groups, dims.oc}, prepared);
      f.optional_input("bias", bias, {dims.oc});
    }
  };
  std::vector<Link> links;
  Source<float> src, addend;
  float* dst = nullptr;

  static constexpr const char* name() { return "conv2d_chain_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.list("links", links);
    f.require(!links.empty() && links.size() <= kMostLinks, "there are 1 to 4 links");
    for (size_t i = 1; i < links.size(); ++i) {
      const Conv2dDims &made = links[i - 1].dims, &read = links[i].dims;
      f.require(made.mb == read.mb && made.oh == read.ih && made.ow == read.iw &&
                    made.oc == read.ic && f.elements({made.mb, made.oh, made.ow, made.oc}) >= 0,
                "a link reads what the one before it makes");
    }
    const Conv2dDims &first = links.front().dims, &last = links.back().dims;
    f.input("src", src, {first.mb, first.ih, first.iw, first.ic});
    f.optional_input("addend", addend, {last.mb, last.oh, last.ow, last.oc});
    f.output("dst", dst, {last.mb, last.oh, last.ow, last.oc});
  }
  void operator()() const {
    std::vector<ConvLink> made;
    for (const Link& link : links) {
      made.push_back({link.dims, link.weights, link.bias, link.activation, link.prepared.get()});
    }
    conv2d_chain_forward(made, src, addend, dst);
  }
};

// The transposed convolution.
struct Conv2dBackwardData {
  Conv2dDims dims{};
  Source<float> diff_dst;
  Source<uint8_t> codes;
  Pooling pooling{};
  Source<float> weights, bias, addend;
  Activation activation{};
  float* diff_src = nullptr;

  static constexpr const char* name() { return "conv2d_backward_data"; }
  template <typename Fields>
  void describe(Fields& f) {
    cnnx::describe(f, dims);
    f.activation(activation);
    f.require(codes == nullptr, "codes are for training");
    f.input("diff_dst", diff_dst, {dims.mb, dims.oh, dims.ow, dims.oc});
    f.input("weights", weights, {dims.kh, dims.kw, dims.ic / dims.groups, dims.oc});
    f.optional_input("bias", bias, {dims.ic});
    f.optional_input("addend", addend, {dims.mb, dims.ih, dims.iw, dims.ic});
    f.output("diff_src", diff_src, {dims.mb, dims.ih, dims.iw, dims.ic});
  }
  void operator()() const {
    conv2d_backward_data(dims, {diff_dst, codes, pooling}, weights, bias,
                         {.addend = addend, .activation = activation}, diff_src);
  }
};

}  // namespace cnnx
