#include "runtime/scratchpad.hpp"

#include <cassert>
#include <cstddef>

namespace cnnx {
namespace {

constexpr int64_t kKeptFloats = int64_t{16} << 20;  // a larger block goes back after its operation

Memory allocate_floats(int64_t floats) {
  return allocate(static_cast<size_t>(floats) * sizeof(float));
}

// The block that a thread keeps. Operations do not nest, but for those of a signal handler that
// runs within one (check_interruption).
struct KeptBlock {
  Memory memory;
  int64_t size = 0;
  bool lent = false;
};
thread_local KeptBlock kept;

}  // namespace

Scratchpad::Scratchpad(int64_t floats)
    : size_(padded(floats)), borrowed_(size_ <= kKeptFloats && !kept.lent) {
  if (!borrowed_) {
    own_ = allocate_floats(size_);
    data_ = static_cast<float*>(own_.get());
    return;
  }
  if (kept.size < size_) {
    kept.memory.reset();
    kept.size = 0;  // stays so if the allocation fails
    kept.memory = allocate_floats(size_);
    kept.size = size_;
  }
  data_ = static_cast<float*>(kept.memory.get());
  kept.lent = true;
}

Scratchpad::~Scratchpad() {
  if (borrowed_) kept.lent = false;
}

float* Scratchpad::take(int64_t floats) {
  float* block = data_ + used_;
  used_ += padded(floats);
  assert(used_ <= size_);
  return block;
}

}  // namespace cnnx
