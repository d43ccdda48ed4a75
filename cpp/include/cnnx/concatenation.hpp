#pragma once

#include <cstdint>
#include <span>

namespace cnnx {

// A part of each row of a joined array: n floats from float `begin` on, which are the rows of an
// array of their own.
template <typename Float>
struct Part {
  Float* data;
  int64_t begin, n;
};

// Puts the parts into dst (rows, n): along the last axis of images, their channels.
void concatenate(int64_t rows, int64_t n, std::span<const Part<const float>> srcs, float* dst);
// Takes parts out of src (rows, n): the gradients of those of concatenate that are wanted.
void split(int64_t rows, int64_t n, const float* src, std::span<const Part<float>> dsts);

}  // namespace cnnx
