#include "cnnx/normalized_conv2d.hpp"

#include "cnnx/memory.hpp"
#include "ops/column_sums.hpp"
#include "ops/conv2d_direct.hpp"
#include "ops/depthwise_tiles.hpp"
#include "ops/gradient_sums.hpp"
#include "ops/normalized_pixels.hpp"
#include "ops/pointwise.hpp"

namespace cnnx {
namespace {

bool is_product(const Conv2dDims& d) {
  return is_pointwise(d) && d.stride_h == 1 && d.stride_w == 1 && d.oh == d.ih && d.ow == d.iw;
}

// The plain algorithm reads images where they lie.
class StoredImages {
 public:
  StoredImages(const Conv2dDims& d, const float* src, const Normalization& normalization)
      : memory_(allocate(static_cast<size_t>(d.mb * d.ih * d.iw * d.ic) * sizeof(float))) {
    normalize_pixels(normalization, d.mb * d.ih * d.iw, d.ic, src, data());
  }
  float* data() const { return static_cast<float*>(memory_.get()); }

 private:
  Memory memory_;
};

bool reads_stored_images() { return conv_algorithm() == "im2col"; }

}  // namespace

bool reads_normalized(const Conv2dDims& d) {
  if (d.rotated || is_empty(d)) return false;
  return is_product(d) || (d.groups == d.ic && d.ic == d.oc && has_depthwise_tiles(d, {}));
}

void normalized_conv2d_forward(const Conv2dDims& d, const float* src,
                               const Normalization& normalization, const float* weights,
                               const float* bias, float* dst) {
  const Images images = {.data = src, .normalization = &normalization};
  if (!reads_normalized(d) || reads_stored_images()) {
    conv2d_forward(d, StoredImages(d, src, normalization).data(), weights, bias, {}, dst);
  } else if (is_product(d)) {
    pointwise_forward(d, images, weights, bias, {}, dst, nullptr);
  } else {
    tiled_depthwise_correlate(d, images, {}, KernelTaps(d, weights, {0, 1}, {0, 1}), bias, {},
                              {dst, d.oh * d.ow * d.oc, d.ow * d.oc, d.oc});
  }
}

void normalized_conv2d_backward_data(const Conv2dDims& d, const float* src,
                                     const Normalization& normalization, const float* diff_dst,
                                     const float* weights, float* diff_src, float* sums) {
  GradientSums gradient_sums(src, d.mb * d.ih * d.iw, d.ic, normalization, sums);
  if (reads_normalized(d) && has_direct_backward_data(d) && !reads_stored_images()) {
    direct_backward_data(d, {diff_dst}, weights, nullptr, {}, diff_src, &gradient_sums);
  } else {
    conv2d_backward_data(d, {diff_dst}, weights, nullptr, {}, diff_src);
  }
  if (!gradient_sums.complete()) gradient_sums.add_up(diff_src);
}

void normalized_conv2d_backward_weights(const Conv2dDims& d, const float* src,
                                        const Normalization& normalization, const float* diff_dst,
                                        float* diff_weights, float* diff_bias) {
  const Images images = {.data = src, .normalization = &normalization};
  if (!reads_normalized(d) || reads_stored_images()) {
    conv2d_backward_weights(d, StoredImages(d, src, normalization).data(), {diff_dst}, diff_weights,
                            diff_bias);
    return;
  }
  if (is_product(d)) {
    pointwise_backward_weights(d, images, {diff_dst}, diff_weights);
  } else {
    tiled_depthwise_backward_weights(d, images, diff_dst, diff_weights);
  }
  if (diff_bias != nullptr) column_sums(d.mb * d.oh * d.ow, d.oc, {diff_dst}, diff_bias);
}

}  // namespace cnnx
