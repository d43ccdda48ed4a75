#include "cnnx/memory.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace cnnx {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

Memory allocate(size_t bytes) {
  const std::align_val_t alignment{bytes < kHugePage ? kCacheLine : kHugePage};
  Memory memory(::operator new(bytes, alignment), Release{alignment});
#ifdef MADV_HUGEPAGE
  // The rest of the last one stays in small pages, so nothing is taken that was not asked for. A
  // system without huge pages refuses, and all works as before.
  if (const size_t huge = bytes / kHugePage * kHugePage) {
    madvise(memory.get(), huge, MADV_HUGEPAGE);
  }
#endif
  return memory;
}

}  // namespace cnnx
