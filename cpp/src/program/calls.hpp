// The operations that networks in use are made of, each with its arguments: what a recording in
// Python keeps, what a program's file holds, and what runs. `describe` names the arguments to a
// writer of files, or to a reader, which sets and checks them: dimensions first, then the arrays,
// whose shapes follow from them. After that no kernel can read or write outside an array.
#pragma once

#include <cstdint>
#include <vector>

#include "cnnx/activation.hpp"
#include "cnnx/batch_norm.hpp"
#include "cnnx/bias.hpp"
#include "cnnx/borders2d.hpp"
#include "cnnx/concatenation.hpp"
#include "cnnx/dense.hpp"
#include "cnnx/merging.hpp"
#include "cnnx/permutation.hpp"
#include "cnnx/pool2d.hpp"
#include "cnnx/resample2d.hpp"
#include "cnnx/sample_norm.hpp"
#include "cnnx/softmax.hpp"
#include "cnnx/upsample2d.hpp"
#include "program/convolution_calls.hpp"
#include "program/source.hpp"

namespace cnnx {

struct DenseForward {
  DenseDims dims{};
  Source<float> src, weights, bias;
  float* dst = nullptr;

  static constexpr const char* name() { return "dense_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.number("mb", dims.mb, 0);
    f.number("ic", dims.ic, 0);
    f.number("oc", dims.oc, 0);
    f.input("src", src, {dims.mb, dims.ic});
    f.input("weights", weights, {dims.ic, dims.oc});
    f.optional_input("bias", bias, {dims.oc});
    f.output("dst", dst, {dims.mb, dims.oc});
  }
  void operator()() const { dense_forward(dims, src, weights, bias, dst); }
};

struct ActivationForward {
  Activation activation{};
  int64_t n = 0;
  Source<float> src;
  float* dst = nullptr;

  static constexpr const char* name() { return "activation_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.activation(activation);
    f.size("n", n);
    f.input("src", src, {n});
    f.output("dst", dst, {n});
  }
  void operator()() const { activation_forward(activation, n, src, dst); }
};

// The softmax or its logarithm.
template <bool Logarithm>
struct SoftmaxForward {
  SoftmaxDims dims{};
  Source<float> src;
  float* dst = nullptr;

  static constexpr const char* name() {
    return Logarithm ? "log_softmax_forward" : "softmax_forward";
  }
  template <typename Fields>
  void describe(Fields& f) {
    f.size("outer", dims.outer);
    f.number("n", dims.n);
    f.size("inner", dims.inner);
    f.input("src", src, {dims.outer, dims.n, dims.inner});
    f.output("dst", dst, {dims.outer, dims.n, dims.inner});
  }
  void operator()() const { (Logarithm ? log_softmax_forward : softmax_forward)(dims, src, dst); }
};

struct BatchNormForwardInference {
  BatchNormDims dims{};
  Source<float> src, gamma, beta, moving_mean, moving_variance, addend;
  float epsilon = 0;
  Activation activation{};
  bool pool = false;
  float* dst = nullptr;

  static constexpr const char* name() { return "batch_norm_forward_inference"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.size("mb", dims.mb);
    f.number("h", dims.h);
    f.number("w", dims.w);
    f.number("c", dims.c);
    f.real("epsilon", epsilon);
    f.activation(activation);
    f.flag("pool", pool);
    f.input("src", src, {dims.mb, dims.h, dims.w, dims.c});
    f.optional_input("gamma", gamma, {dims.c});
    f.optional_input("beta", beta, {dims.c});
    f.input("moving_mean", moving_mean, {dims.c});
    f.input("moving_variance", moving_variance, {dims.c});
    f.optional_input("addend", addend, {dims.mb, dims.h, dims.w, dims.c});
    f.require(!pool || addend == nullptr, "an addend cannot be added before pooling");
    f.output("dst", dst, {dims.mb, pool ? dims.h / 2 : dims.h, pool ? dims.w / 2 : dims.w, dims.c});
  }
  void operator()() const {
    batch_norm_forward_inference(
        dims, src, {gamma, beta}, moving_mean, moving_variance, epsilon,
        {addend, activation, pool ? Pooling::squares : Pooling::none, nullptr}, dst);
  }
};

struct SampleNormForward {
  SampleNormDims dims{};
  Source<float> src, gamma, beta;
  float epsilon = 0;
  float *dst = nullptr, *mean = nullptr, *inv_std = nullptr;

  static constexpr const char* name() { return "sample_norm_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.size("samples", dims.samples);
    f.number("pixels", dims.pixels);
    f.number("groups", dims.groups);
    f.number("each", dims.each);
    f.flag("centered", dims.centered);
    f.flag("averaged", dims.averaged);
    f.real("epsilon", epsilon);
    f.input("src", src, {dims.samples, dims.pixels, dims.groups, dims.each});
    f.optional_input("gamma", gamma, {dims.groups, dims.each});
    f.optional_input("beta", beta, {dims.groups, dims.each});
    f.output("dst", dst, {dims.samples, dims.pixels, dims.groups, dims.each});
    f.output("mean", mean, {dims.samples, dims.groups});
    f.output("inv_std", inv_std, {dims.samples, dims.groups});
  }
  void operator()() const {
    sample_norm_forward(dims, src, {gamma, beta}, epsilon, dst, mean, inv_std);
  }
};

// src + bias or src * bias.
template <bool Multiplies>
struct BiasForward {
  BiasDims dims{};
  Source<float> src, bias;
  float* dst = nullptr;

  static constexpr const char* name() {
    return Multiplies ? "bias_multiply_forward" : "bias_add_forward";
  }
  template <typename Fields>
  void describe(Fields& f) {
    f.size("rows", dims.rows);
    f.number("n", dims.n);
    f.input("src", src, {dims.rows, dims.n});
    f.input("bias", bias, {dims.n});
    f.output("dst", dst, {dims.rows, dims.n});
  }
  void operator()() const {
    (Multiplies ? bias_multiply_forward : bias_add_forward)(dims, src, bias, dst);
  }
};

enum class PoolKind { max, avg, sum };
template <PoolKind Kind>
struct Pool2dForward {
  Pool2dDims dims{};
  Source<float> src;
  float* dst = nullptr;

  static constexpr const char* name() {
    return Kind == PoolKind::max   ? "max_pool2d_forward"
           : Kind == PoolKind::avg ? "avg_pool2d_forward"
                                   : "sum_pool2d_forward";
  }
  static bool fits(int64_t input, int64_t output, int64_t k, int64_t stride, int64_t padding) {
    if (stride == 0) return padding == 0 && holds_shares(input, output, k);
    return padding < k && output - 1 <= (input - 1 + padding) / stride;
  }
  template <typename Fields>
  void describe(Fields& f) {
    Pool2dDims& d = dims;
    f.number("mb", d.mb, 0);
    f.number("ih", d.ih);
    f.number("iw", d.iw);
    f.number("c", d.c, 0);
    f.number("oh", d.oh, 0);
    f.number("ow", d.ow, 0);
    f.number("kh", d.kh);
    f.number("kw", d.kw);
    f.number("stride_h", d.stride_h, 0);
    f.number("stride_w", d.stride_w, 0);
    f.number("pad_top", d.pad_top, 0);
    f.number("pad_left", d.pad_left, 0);
    f.require(d.kh * d.kw <= INT32_MAX && fits(d.ih, d.oh, d.kh, d.stride_h, d.pad_top) &&
                  fits(d.iw, d.ow, d.kw, d.stride_w, d.pad_left),
              "every window must see a pixel");
    f.input("src", src, {d.mb, d.ih, d.iw, d.c});
    f.output("dst", dst, {d.mb, d.oh, d.ow, d.c});
  }
  void operator()() const {
    if constexpr (Kind == PoolKind::max) {
      max_pool2d_forward(dims, src, dst, static_cast<uint8_t*>(nullptr));
    } else {
      (Kind == PoolKind::avg ? avg_pool2d_forward : sum_pool2d_forward)(dims, src, dst);
    }
  }
};

// Puts borders around images, or cuts them off.
template <bool Pads>
struct Borders2d {
  Borders2dDims dims{};
  Source<float> src;
  float* dst = nullptr;

  static constexpr const char* name() { return Pads ? "zero_pad2d" : "crop2d"; }
  template <typename Fields>
  void describe(Fields& f) {
    Borders2dDims& d = dims;
    f.number("mb", d.mb, 0);
    f.number("h", d.h, 0);
    f.number("w", d.w, 0);
    f.number("c", d.c, 0);
    f.number("inner_h", d.inner_h, 0);
    f.number("inner_w", d.inner_w, 0);
    f.number("top", d.top, 0);
    f.number("left", d.left, 0);
    f.require(d.inner_h <= d.h - d.top && d.inner_w <= d.w - d.left,
              "the borders must leave room for the inner image");
    const auto image = [&](bool inner) {
      return std::vector<int64_t>{d.mb, inner ? d.inner_h : d.h, inner ? d.inner_w : d.w, d.c};
    };
    f.input("src", src, image(Pads));
    f.output("dst", dst, image(!Pads));
  }
  void operator()() const { (Pads ? zero_pad2d : crop2d)(dims, src, dst); }
};

struct SwapAxes {
  SwapDims dims{};
  Source<float> src;
  float* dst = nullptr;

  static constexpr const char* name() { return "swap_axes"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.number("outer", dims.outer, 0);
    f.number("rows", dims.rows, 0);
    f.number("columns", dims.columns, 0);
    f.number("inner", dims.inner, 0);
    f.input("src", src, {dims.outer, dims.rows, dims.columns, dims.inner});
    f.output("dst", dst, {dims.outer, dims.columns, dims.rows, dims.inner});
  }
  void operator()() const { swap_axes(dims, src, dst); }
};

struct Upsample2dForward {
  Upsample2dDims dims{};
  Interpolation interpolation{};
  Source<float> src;
  float* dst = nullptr;

  static constexpr const char* name() { return "upsample2d_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    bool bilinear = interpolation == Interpolation::kBilinear;
    f.number("mb", dims.mb, 0);
    f.number("h", dims.h, 0);
    f.number("w", dims.w, 0);
    f.number("c", dims.c, 0);
    f.number("factor_h", dims.factor_h);
    f.number("factor_w", dims.factor_w);
    f.flag("bilinear", bilinear);
    interpolation = bilinear ? Interpolation::kBilinear : Interpolation::kNearest;
    f.input("src", src, {dims.mb, dims.h, dims.w, dims.c});
    f.output("dst", dst, {dims.mb, dims.h * dims.factor_h, dims.w * dims.factor_w, dims.c});
  }
  void operator()() const { upsample2d_forward(dims, interpolation, src, dst); }
};

struct Resample2dForward {
  // What pixels are made of along one axis, of `extent` pixels.
  struct Axis {
    int64_t taps = 0;
    Source<int32_t> places;
    Source<float> shares;

    template <typename Fields>
    void describe(Fields& f, const char* taps_name, const char* places_name,
                  const char* shares_name, int64_t count, int64_t extent) {
      f.number(taps_name, taps, 0);
      f.numbers_below(places_name, places, {count, taps}, extent);
      f.input(shares_name, shares, {count, taps});
    }
    PixelShares pixel_shares() const { return {taps, places, shares}; }
  };
  Resample2dDims dims{};
  Axis rows, columns;
  float fill = 0;
  Source<float> src;
  float* dst = nullptr;

  static constexpr const char* name() { return "resample2d_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.number("mb", dims.mb, 0);
    f.number("h", dims.h, 0);
    f.number("w", dims.w, 0);
    f.number("oh", dims.oh, 0);
    f.number("ow", dims.ow, 0);
    f.number("c", dims.c, 0);
    f.real("fill", fill);
    rows.describe(f, "row_taps", "row_places", "row_shares", dims.oh, dims.h);
    columns.describe(f, "column_taps", "column_places", "column_shares", dims.ow, dims.w);
    f.input("src", src, {dims.mb, dims.h, dims.w, dims.c});
    f.output("dst", dst, {dims.mb, dims.oh, dims.ow, dims.c});
  }
  void operator()() const {
    resample2d_forward(dims, rows.pixel_shares(), columns.pixel_shares(), fill, src, dst);
  }
};

// Arrays of a list.
class Sources {
 public:
  void add(Source<float> source) {
    sources.push_back(source);
    now_.push_back(source);
  }
  Arrays now() const {
    for (size_t i = 0; i < sources.size(); ++i) now_[i] = sources[i];
    return now_;
  }
  std::vector<Source<float>> sources;

 private:
  mutable std::vector<const float*> now_;  // where no run allocates
};

struct WeightedSum {
  int64_t n = 0;
  Sources srcs;
  std::vector<float> factors;
  Activation activation{};
  float* dst = nullptr;

  static constexpr const char* name() { return "weighted_sum"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.size("n", n);
    f.inputs("srcs", srcs, n);
    f.reals("factors", factors);
    f.require(factors.size() == srcs.sources.size(), "there is a factor for each source");
    f.activation(activation);
    f.output("dst", dst, {n});
  }
  void operator()() const { weighted_sum(n, srcs.now(), factors, activation, dst); }
};

// The product or the maximum.
template <bool Multiplies>
struct Merging {
  int64_t n = 0;
  Sources srcs;
  float* dst = nullptr;

  static constexpr const char* name() { return Multiplies ? "product" : "maximum_forward"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.size("n", n);
    f.inputs("srcs", srcs, n);
    f.output("dst", dst, {n});
  }
  void operator()() const { (Multiplies ? product : maximum_forward)(n, srcs.now(), dst); }
};

struct Concatenate {
  struct Piece {
    int64_t begin = 0, n = 0, rows = 0;
    Source<float> src;

    template <typename Fields>
    void describe(Fields& f) {
      f.size("begin", begin);
      f.size("n", n);
      f.size("rows", rows);
      f.input("src", src, {rows, n});
    }
  };
  int64_t rows = 0, n = 0;
  std::vector<Piece> pieces;
  float* dst = nullptr;

  static constexpr const char* name() { return "concatenate"; }
  template <typename Fields>
  void describe(Fields& f) {
    f.size("rows", rows);
    f.size("n", n);
    f.list("pieces", pieces);
    for (const Piece& piece : pieces) {
      f.require(piece.rows == rows && piece.begin <= n && piece.n <= n - piece.begin,
                "each piece must lie in a row");
    }
    f.output("dst", dst, {rows, n});
  }
  void add(const Piece& piece) {
    pieces.push_back(piece);
    parts_.resize(pieces.size());
  }
  void operator()() {
    parts_.resize(pieces.size());  // allocates in the first run of what a file holds
    for (size_t i = 0; i < pieces.size(); ++i) {
      parts_[i] = {pieces[i].src, pieces[i].begin, pieces[i].n};
    }
    concatenate(rows, n, parts_, dst);
  }

 private:
  std::vector<Part<const float>> parts_;
};

}  // namespace cnnx
