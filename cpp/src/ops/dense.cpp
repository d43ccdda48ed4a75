#include "cnnx/dense.hpp"

#include "cnnx/gemm.hpp"
#include "ops/column_sums.hpp"

namespace cnnx {

void dense_forward(const DenseDims& d, const float* src, const float* weights, const float* bias,
                   float* dst) {
  sgemm(d.mb, d.oc, d.ic, {src, d.ic, 1}, {weights, d.oc, 1}, bias, dst, d.oc, false);
}

void dense_backward_data(const DenseDims& d, const float* diff_dst, const float* weights,
                         float* diff_src) {
  sgemm(d.mb, d.ic, d.oc, {diff_dst, d.oc, 1}, {weights, 1, d.oc}, nullptr, diff_src, d.ic, false);
}

void dense_backward_weights(const DenseDims& d, const float* src, const float* diff_dst,
                            float* diff_weights, float* diff_bias) {
  sgemm(d.ic, d.oc, d.mb, {src, 1, d.ic}, {diff_dst, d.oc, 1}, nullptr, diff_weights, d.oc, false);
  if (diff_bias != nullptr) column_sums(d.mb, d.oc, diff_dst, diff_bias);
}

}  // namespace cnnx
