#include "runtime/scratchpad.hpp"

#include <cassert>
#include <cstddef>
#include <new>
#include <utility>

namespace cnnx {
namespace {

constexpr int64_t kKeptFloats = int64_t{16} << 20;  // a larger block goes back after its operation

float* allocate(int64_t floats) {
  return static_cast<float*>(
      ::operator new(static_cast<size_t>(floats) * sizeof(float), std::align_val_t{64}));
}
void release(float* block) { ::operator delete(block, std::align_val_t{64}); }

// The block that a thread keeps. Operations do not nest, but for those of a signal handler that
// runs within one (check_interruption).
struct KeptBlock {
  float* data = nullptr;
  int64_t size = 0;
  bool lent = false;
  ~KeptBlock() { release(data); }
};
thread_local KeptBlock kept;

}  // namespace

Scratchpad::Scratchpad(int64_t floats)
    : size_(padded(floats)), borrowed_(size_ <= kKeptFloats && !kept.lent) {
  if (!borrowed_) {
    data_ = allocate(size_);
    return;
  }
  if (kept.size < size_) {
    release(std::exchange(kept.data, nullptr));
    kept.size = 0;  // stays so if the allocation fails
    kept.data = allocate(size_);
    kept.size = size_;
  }
  data_ = kept.data;
  kept.lent = true;
}

Scratchpad::~Scratchpad() {
  if (borrowed_) {
    kept.lent = false;
  } else {
    release(data_);
  }
}

float* Scratchpad::take(int64_t floats) {
  float* block = data_ + used_;
  used_ += padded(floats);
  assert(used_ <= size_);
  return block;
}

}  // namespace cnnx
