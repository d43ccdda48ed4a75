#pragma once

#include <cstdint>

#include "cnnx/epilogue.hpp"

namespace cnnx {

// NHWC images, or, with `codes`, the gradient of images that a max pooling made of larger ones,
// read as the gradient of those (epilogue.hpp says what the codes are). As the gradient of an
// operation's output, it is that before the activation; with codes, for ReLU after it.
struct Images {
  const float* data;
  const uint8_t* codes = nullptr;
  Pooling pooling = Pooling::squares;  // where there are codes
};

}  // namespace cnnx
