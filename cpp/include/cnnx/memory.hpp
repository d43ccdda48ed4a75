#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace cnnx {

// Where arrays begin that vectors are read from.
constexpr size_t kCacheLine = 64;

struct Release {
  std::align_val_t alignment{kCacheLine};
  size_t mapped = 0;  // bytes of pages that are the block's own
  void operator()(void* block) const;
};
using Memory = std::unique_ptr<void, Release>;

// Uninitialised memory that starts at a cache line. Large blocks use huge pages if the system has
// them: fewer address look-ups. Their pages go back to the system at their end, which the C library
// might keep.
Memory allocate(size_t bytes);

// Gives the system back what was freed, where the C library keeps it and can be asked to.
void release_free_memory();

}  // namespace cnnx
