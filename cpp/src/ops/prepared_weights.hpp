#pragma once

#include "cnnx/prepared_weights.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

inline const float* scale_of(const PreparedWeights* prepared) {
  return prepared == nullptr ? nullptr : prepared->scale();
}

// The weights as they are read without another form.
inline const float* scaled(PreparedWeights* prepared, const float* weights, int64_t floats) {
  return prepared == nullptr ? weights : prepared->scaled(weights, floats);
}

// Scratch that weights_form takes.
inline int64_t form_scratch(const PreparedWeights* prepared, int64_t floats) {
  return prepared == nullptr ? Scratchpad::padded(floats) : 0;
}

// A form of the weights that make(memory) writes: in scratch, or kept if there are prepared
// weights.
template <typename Make>
const float* weights_form(PreparedWeights* prepared, PreparedWeights::Key key, int64_t floats,
                          Scratchpad& scratch, const Make& make) {
  if (prepared != nullptr) return prepared->form(key, floats, make);
  float* const memory = scratch.take(floats);
  make(memory);
  return memory;
}

}  // namespace cnnx
