#pragma once

#include <cstdint>

#include "cnnx/memory.hpp"
#include "runtime/rounding.hpp"

namespace cnnx {

// Scratch memory of one operation: uninitialised floats, which all threads share, and of each
// thread in a region. The calling thread keeps the block for its next operation, so that a training
// step allocates nothing, and each thread finds its part where it was: in its own caches.
class Scratchpad {
 public:
  explicit Scratchpad(int64_t shared, int threads = 0, int64_t of_each = 0);
  ~Scratchpad();
  Scratchpad(const Scratchpad&) = delete;
  Scratchpad& operator=(const Scratchpad&) = delete;

  // The next `floats` of those that are shared, from a cache line on. Throws std::logic_error if
  // the sum of all takes, each rounded up by padded(), exceeds `shared`. Not in a region.
  float* take(int64_t floats);
  // The floats of a thread's own, from a cache line on.
  float* of_thread(int thread) const { return data_ + thread * stride_; }

  // floats rounded up to whole cache lines.
  static int64_t padded(int64_t floats) { return round_up(floats, 16); }

 private:
  Memory own_;
  float* data_;     // the threads' parts, then the shared one
  int64_t stride_;  // from one thread's to the next
  int64_t used_, size_;
  bool borrowed_;
};

}  // namespace cnnx
