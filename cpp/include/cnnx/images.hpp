#pragma once

#include <cstdint>

#include "cnnx/epilogue.hpp"

namespace cnnx {

// What a batch normalisation makes of its channels, (c) each: activation(scale (x - mean) + shift),
// where the activation is linear, ReLU or ReLU6.
struct Normalization {
  const float *mean, *scale, *shift;
  Activation activation = Activation::linear;
};

// NHWC images, or, with `codes`, the gradient of images that a max pooling made of larger ones,
// read as the gradient of those (epilogue.hpp says what the codes are). As the gradient of an
// operation's output, it is that before the activation; with codes, for ReLU after it. Or, with a
// normalisation, what it makes of them, if the operation says that it reads such images.
struct Images {
  const float* data;
  const uint8_t* codes = nullptr;
  Pooling pooling = Pooling::squares;  // where there are codes
  const Normalization* normalization = nullptr;
};

}  // namespace cnnx
