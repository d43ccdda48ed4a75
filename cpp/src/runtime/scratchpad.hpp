#pragma once

#include <cstdint>

#include "cnnx/memory.hpp"

namespace cnnx {

// Scratch memory of one operation: uninitialised floats. The calling thread keeps the block for its
// next operation, so a training step allocates nothing.
class Scratchpad {
 public:
  explicit Scratchpad(int64_t floats);
  ~Scratchpad();
  Scratchpad(const Scratchpad&) = delete;
  Scratchpad& operator=(const Scratchpad&) = delete;

  // The next `floats` of the block, from a cache line on. The sum of all takes, each rounded up by
  // padded(), must not exceed the constructor's argument.
  float* take(int64_t floats);

  // floats rounded up to whole cache lines.
  static int64_t padded(int64_t floats) { return (floats + 15) / 16 * 16; }

 private:
  Memory own_;
  float* data_;
  int64_t used_ = 0;
  int64_t size_;
  bool borrowed_;
};

}  // namespace cnnx
