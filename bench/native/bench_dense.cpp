// The three passes of dense layers.
#include <string>

#include "cnnx/dense.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

void add_layer(const DenseDims& d) {
  const std::string name =
      std::to_string(d.mb) + "_" + std::to_string(d.ic) + "-" + std::to_string(d.oc);
  const Work work{.flops = 2.0 * static_cast<double>(d.mb * d.ic * d.oc),
                  .bytes = 4.0 * static_cast<double>(d.mb * d.ic + d.ic * d.oc + d.mb * d.oc)};
  add_rows("dense/forward/" + name, work, [=] {
    return [=, src = random_floats(d.mb * d.ic, 1), weights = random_floats(d.ic * d.oc, 2),
            bias = random_floats(d.oc, 3), dst = Floats(d.mb * d.oc)]() mutable {
      dense_forward(d, src.data(), weights.data(), bias.data(), dst.data());
    };
  });
  add_rows("dense/backward_data/" + name, work, [=] {
    return [=, diff_dst = random_floats(d.mb * d.oc, 1), weights = random_floats(d.ic * d.oc, 2),
            diff_src = Floats(d.mb * d.ic)]() mutable {
      dense_backward_data(d, diff_dst.data(), weights.data(), diff_src.data());
    };
  });
  add_rows("dense/backward_weights/" + name, work, [=] {
    return [=, src = random_floats(d.mb * d.ic, 1), diff_dst = random_floats(d.mb * d.oc, 2),
            diff_weights = Floats(d.ic * d.oc), diff_bias = Floats(d.oc)]() mutable {
      dense_backward_weights(d, src.data(), diff_dst.data(), diff_weights.data(), diff_bias.data());
    };
  });
}

const bool added = [] {
  for (const int64_t mb : {1, 8, 32, 128}) add_layer({mb, 18432, 64});
  for (const int64_t mb : {1, 32, 128}) add_layer({mb, 800, 128});
  add_layer({32, 400, 120});
  add_layer({32, 120, 84});
  add_layer({32, 128, 10});
  add_layer({32, 64, 1});
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
