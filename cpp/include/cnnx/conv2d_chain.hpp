#pragma once

#include <cstddef>
#include <span>

#include "cnnx/conv2d.hpp"

namespace cnnx {

// A convolution of a chain. The weights are prepared ones; see conv2d_forward.
struct ConvLink {
  Conv2dDims dims;
  const float* weights;
  const float* bias;
  Activation activation;
  PreparedWeights* prepared;
};

// Whether a convolution gains in a chain: a 1x1 kernel of stride 1, or one for each channel, of an
// image with enough rows to share out.
bool is_link(const Conv2dDims& dims);

// Convolutions, at most kMostLinks, each of what the one before it computes. Nothing between them
// is stored as a whole: a thread takes a band of rows of dst at a time, and keeps of the outputs of
// the others only the rows that it needs. The addend, which may be null, is added to the last one's
// outputs before its activation. Bits are those of the convolutions one by one, which is how other
// convolutions run.
constexpr size_t kMostLinks = 4;
void conv2d_chain_forward(std::span<const ConvLink> links, const float* src, const float* addend,
                          float* dst);

}  // namespace cnnx
