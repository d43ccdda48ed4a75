#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace cnnx {

// Where arrays begin that vectors are read from.
constexpr size_t kCacheLine = 64;

struct Release {
  std::align_val_t alignment{kCacheLine};
  void operator()(void* block) const { ::operator delete(block, alignment); }
};
using Memory = std::unique_ptr<void, Release>;

// Uninitialised memory that starts at a cache line. Large blocks use huge pages if the system has
// them: fewer address look-ups.
Memory allocate(size_t bytes);

}  // namespace cnnx
