// The three passes of convolutions, without the bias's gradient, which multiplies nothing; FLOPs
// are those of the plain loops, whatever the algorithm.
#include <string>

#include "cnnx/conv2d.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

constexpr int64_t kBatch = 32;

struct Layer {
  int64_t side, ic, oc, kernel;
  bool same;
  int64_t stride = 1, groups = 1;
  bool signal = false;  // one row of `side` pixels

  Conv2dDims dims() const {
    const int64_t out = ((same ? side : side - kernel + 1) + stride - 1) / stride;
    const int64_t padding = std::max<int64_t>((out - 1) * stride + kernel - side, 0);
    return {.mb = kBatch,
            .ih = signal ? 1 : side,
            .iw = side,
            .ic = ic,
            .oh = signal ? 1 : out,
            .ow = out,
            .oc = oc,
            .kh = signal ? 1 : kernel,
            .kw = kernel,
            .stride_h = signal ? 1 : stride,
            .stride_w = stride,
            .pad_top = signal ? 0 : padding / 2,
            .pad_left = padding / 2,
            .dilation_h = 1,
            .dilation_w = 1,
            .groups = groups};
  }

  std::string name() const {
    const auto square = [this](int64_t n) {
      return std::to_string(signal ? 1 : n) + "x" + std::to_string(n);
    };
    std::string name = square(side) + "_" + std::to_string(ic) + "-" + std::to_string(oc) + "_" +
                       square(kernel) + (same ? "_same" : "_valid");
    if (stride > 1) name += "_stride" + std::to_string(stride);
    if (groups > 1) name += "_groups" + std::to_string(groups);
    return name;
  }
};

void add_layer(const Layer& layer) {
  const Conv2dDims d = layer.dims();
  const int64_t src_size = d.mb * d.ih * d.iw * d.ic, dst_size = d.mb * d.oh * d.ow * d.oc,
                weights_size = d.kh * d.kw * d.ic / d.groups * d.oc;
  const Work work{.flops = 2.0 * static_cast<double>(dst_size * d.kh * d.kw * (d.ic / d.groups)),
                  .bytes = 4.0 * static_cast<double>(src_size + dst_size + weights_size)};
  add_rows("conv2d/forward/" + layer.name(), work, [=] {
    return [=, src = random_floats(src_size, 1), weights = random_floats(weights_size, 2),
            bias = random_floats(d.oc, 3), dst = Floats(dst_size)]() mutable {
      conv2d_forward(d, src.data(), weights.data(), bias.data(), {}, dst.data());
    };
  });
  add_rows("conv2d/backward_data/" + layer.name(), work, [=] {
    return [=, diff_dst = random_floats(dst_size, 1), weights = random_floats(weights_size, 2),
            diff_src = Floats(src_size)]() mutable {
      conv2d_backward_data(d, {diff_dst.data()}, weights.data(), nullptr, {}, diff_src.data());
    };
  });
  add_rows("conv2d/backward_weights/" + layer.name(), work, [=] {
    return [=, src = random_floats(src_size, 1), diff_dst = random_floats(dst_size, 2),
            diff_weights = Floats(weights_size)]() mutable {
      conv2d_backward_weights(d, src.data(), {diff_dst.data()}, diff_weights.data(), nullptr);
    };
  });
}

const bool added = [] {
  for (const Layer& layer : {
           Layer{50, 32, 64, 3, true},
           {25, 64, 128, 3, true},
           {32, 64, 64, 3, true},
           {16, 128, 128, 3, true},
           {8, 256, 256, 3, true},
           {28, 1, 8, 5, false},
           {24, 8, 8, 5, false},
           {28, 1, 32, 3, true},
           {14, 32, 32, 3, true},
           {28, 1, 6, 5, true},
           {14, 6, 16, 5, false},
           {100, 1, 32, 3, true},
           {32, 3, 64, 3, true},
           {32, 1, 1, 3, false},
           {32, 64, 64, 3, true, 1, 64},
           {56, 64, 64, 3, true, 2},
           {56, 64, 256, 1, true},
           {56, 256, 64, 1, true},
           {14, 1024, 256, 1, true},
           {7, 512, 2048, 1, true},
           {56, 256, 512, 1, true, 2},
           {112, 32, 16, 1, true},
           {56, 24, 144, 1, true},
           {14, 384, 64, 1, true},
           {7, 160, 960, 1, true},
           {14, 256, 256, 3, true},
           {7, 512, 512, 3, true},
           {112, 32, 32, 3, true, 1, 32},
           {112, 96, 96, 3, true, 2, 96},
           {56, 144, 144, 3, true, 1, 144},
           {14, 384, 384, 3, true, 1, 384},
           {7, 960, 960, 3, true, 1, 960},
           {14, 240, 240, 5, true, 1, 240},
           {14, 240, 240, 7, true, 1, 240},
           {28, 144, 144, 5, true, 2, 144},
           {28, 64, 128, 3, true, 1, 64},
           {56, 64, 128, 3, true, 2},
           {14, 256, 512, 3, true, 2},
           {224, 3, 64, 7, true, 2},
           {1000, 1, 16, 7, true, 1, 1, true},
           {500, 16, 32, 5, true, 1, 1, true},
           {250, 32, 64, 3, true, 1, 1, true},
       }) {
    add_layer(layer);
  }
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
