// Pooling of 2x2 windows, stride 2, and of overlapping 3x3 ones.
#include <string>

#include "cnnx/pool2d.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

void add_pooling(int64_t side, int64_t channels, int64_t window) {
  constexpr int64_t kBatch = 32, kStride = 2;
  const int64_t out = (side - window) / kStride + 1;
  const Pool2dDims d{.mb = kBatch,
                     .ih = side,
                     .iw = side,
                     .c = channels,
                     .oh = out,
                     .ow = out,
                     .kh = window,
                     .kw = window,
                     .stride_h = kStride,
                     .stride_w = kStride,
                     .pad_top = 0,
                     .pad_left = 0};
  const int64_t src_size = d.mb * d.ih * d.iw * d.c, dst_size = d.mb * d.oh * d.ow * d.c;
  const Work of_values{.bytes = 4.0 * static_cast<double>(src_size + dst_size)};
  const Work with_argmax{.bytes = 4.0 * static_cast<double>(src_size + 2 * dst_size)};
  const std::string name = std::to_string(side) + "x" + std::to_string(side) + "_" +
                           std::to_string(channels) + "_" + std::to_string(window) + "x" +
                           std::to_string(window);
  add_rows("pool2d/max_forward/" + name, with_argmax, [=] {
    return [=, src = random_floats(src_size, 1), dst = Floats(dst_size),
            argmax = std::vector<int32_t>(dst_size)]() mutable {
      max_pool2d_forward(d, src.data(), dst.data(), argmax.data());
    };
  });
  add_rows("pool2d/max_backward/" + name, with_argmax, [=] {
    const Floats src = random_floats(src_size, 1);
    Floats dst(dst_size);
    std::vector<int32_t> argmax(dst_size);
    max_pool2d_forward(d, src.data(), dst.data(), argmax.data());
    return
        [d, argmax, diff_dst = random_floats(dst_size, 2), diff_src = Floats(src_size)]() mutable {
          max_pool2d_backward(d, diff_dst.data(), argmax.data(), diff_src.data());
        };
  });
  add_rows("pool2d/avg_forward/" + name, of_values, [=] {
    return [=, src = random_floats(src_size, 1), dst = Floats(dst_size)]() mutable {
      avg_pool2d_forward(d, src.data(), dst.data());
    };
  });
  add_rows("pool2d/avg_backward/" + name, of_values, [=] {
    return [=, diff_dst = random_floats(dst_size, 1), diff_src = Floats(src_size)]() mutable {
      avg_pool2d_backward(d, diff_dst.data(), diff_src.data());
    };
  });
}

const bool added = [] {
  add_pooling(100, 32, 2);
  add_pooling(32, 64, 2);
  add_pooling(24, 8, 2);
  add_pooling(28, 6, 2);
  add_pooling(32, 64, 3);
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
