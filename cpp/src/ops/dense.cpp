#include "cnnx/dense.hpp"

#include <algorithm>

#include "cnnx/gemm.hpp"
#include "gemm/sgemm.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/column_sums.hpp"
#include "ops/partial_sums.hpp"

namespace cnnx {

namespace {

// More inputs than outputs: threads share out the sums, not the outputs, so that each reads a part
// of the weights and of src; of the weights that which it updates after a training step.
void forward_by_depth(const DenseDims& d, const float* src, const float* weights, const float* bias,
                      float* dst) {
  const GemmTile& tile = gemm_tile_for(d.oc);
  const int64_t chunks = ceil_div(d.ic, tile.kc);
  const PartialSums sums(d.mb * d.oc, chunks);
  const int threads = threads_for_product(sums.parts(), d.mb, d.oc, d.ic);
  const int64_t workspace = Scratchpad::padded(
      gemm_workspace(tile, d.mb, d.oc, d.ic, {src, d.ic, 1}, {weights, d.oc, 1}));
  Scratchpad scratch(sums.scratch(), threads, workspace);
  sums.add(threads, scratch, dst, [&](int64_t first, int64_t last, float* sum, int thread) {
    const int64_t begin = d.ic * first / chunks, depth = d.ic * last / chunks - begin;
    gemm_serial(tile, d.mb, d.oc, depth, {src + begin, d.ic, 1}, {weights + begin * d.oc, d.oc, 1},
                nullptr, first == 0 ? bias : nullptr, sum, d.oc, true, scratch.of_thread(thread));
  });
}

}  // namespace

void dense_forward(const DenseDims& d, const float* src, const float* weights, const float* bias,
                   float* dst) {
  if (d.oc == 1) {
    const Dot dot = kernels().dot;
    const float start = bias == nullptr ? 0.0f : *bias;
    parallel_for(threads_for_rows(d.mb, d.ic), d.mb, [=](int64_t begin, int64_t end, int) {
      dot(end - begin, d.ic, src + begin * d.ic, weights, start, dst + begin);
    });
    return;
  }
  constexpr int64_t kDeep = 3;  // times as deep as dst is high and wide
  if (d.ic > kDeep * std::max(d.mb, d.oc)) {
    forward_by_depth(d, src, weights, bias, dst);
  } else {
    sgemm(d.mb, d.oc, d.ic, {src, d.ic, 1}, {weights, d.oc, 1}, bias, dst, d.oc, false);
  }
}

void dense_backward_data(const DenseDims& d, const float* diff_dst, const float* weights,
                         float* diff_src) {
  sgemm(d.mb, d.ic, d.oc, {diff_dst, d.oc, 1}, {weights, 1, d.oc}, nullptr, diff_src, d.ic, false);
}

void dense_backward_weights(const DenseDims& d, const float* src, const float* diff_dst,
                            float* diff_weights, float* diff_bias) {
  if (d.oc == 1) {  // a row as well as a column: that way the vectors are full
    sgemm(1, d.ic, d.mb, {diff_dst, d.mb, 1}, {src, d.ic, 1}, nullptr, diff_weights, d.ic, false);
  } else {
    sgemm(d.ic, d.oc, d.mb, {src, 1, d.ic}, {diff_dst, d.oc, 1}, nullptr, diff_weights, d.oc,
          false);
  }
  if (diff_bias != nullptr) column_sums(d.mb, d.oc, {diff_dst}, diff_bias);
}

}  // namespace cnnx
