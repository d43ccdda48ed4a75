#include "runtime/scratchpad.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "cnnx/runtime.hpp"

namespace cnnx {
namespace {

constexpr int64_t kKeptFloats = int64_t{16} << 20;  // a larger block goes back after its operation

Memory allocate_floats(int64_t floats) {
  return allocate(static_cast<size_t>(floats) * sizeof(float));
}

constexpr int64_t kMoreThanCaches = int64_t{1} << 20;  // floats of those near a core

// The block that a thread keeps. Operations do not nest, but for those of a signal handler that
// runs within one (check_interruption).
struct KeptBlock {
  Memory memory;
  int64_t size = 0;
  int64_t stride = 0, threads = 0;  // the most so far
  bool lent = false;
};
thread_local KeptBlock kept;

}  // namespace

Scratchpad::Scratchpad(int64_t shared, int threads, int64_t of_each)
    : stride_(padded(of_each)), used_(stride_ * threads), size_(used_ + padded(shared)) {
  borrowed_ = size_ <= kKeptFloats && !kept.lent;
  if (!borrowed_) {
    own_ = allocate_floats(size_);
    data_ = static_cast<float*>(own_.get());
    return;
  }
  // The parts stay where the operation with the largest ones had them, while there is room, unless
  // what is shared leaves nothing of them in the caches. There are parts for threads that slept,
  // too: the next time they may be awake.
  const int64_t largest = std::max(stride_, kept.stride);
  const int64_t stride = shared >= kMoreThanCaches ? stride_ : largest;
  const int64_t most = std::max<int64_t>(kept.threads, threads > 0 ? num_threads() : 0);
  const int64_t parts = stride * std::max<int64_t>(threads, most);
  if (parts + padded(shared) <= kKeptFloats) {
    size_ += parts - used_;
    stride_ = stride, used_ = parts;
  }
  if (kept.size < size_) {
    kept.memory.reset();
    kept.size = 0;  // stays so if the allocation fails
    kept.memory = allocate_floats(size_);
    kept.size = size_;
  }
  kept.stride = largest;
  kept.threads = std::max<int64_t>(threads, most);
  data_ = static_cast<float*>(kept.memory.get());
  kept.lent = true;
}

Scratchpad::~Scratchpad() {
  if (borrowed_) kept.lent = false;
}

float* Scratchpad::take(int64_t floats) {
  if (padded(floats) > size_ - used_) {
    throw std::logic_error("an operation takes more scratch memory than it asked for");
  }
  float* block = data_ + used_;
  used_ += padded(floats);
  return block;
}

}  // namespace cnnx
