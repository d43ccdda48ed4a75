#include "cnnx/memory.hpp"

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace cnnx {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

void Release::operator()(void* block) const {
#ifdef __linux__
  if (mapped > 0) {
    munmap(block, mapped);
    return;
  }
#endif
  ::operator delete(block, alignment);
}

Memory allocate(size_t bytes) {
#ifdef __linux__
  if (bytes >= kHugePage && bytes <= SIZE_MAX / 2) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t kept = (bytes + page - 1) / page * page, mapped = kept + kHugePage;
    void* const block =
        mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    // What lies before the first huge page, and after the block, goes back at once.
    void* start = block;
    size_t space = mapped;
    std::align(kHugePage, kept, start, space);
    if (space < mapped) munmap(block, mapped - space);
    if (space > kept) munmap(static_cast<char*>(start) + kept, space - kept);
#ifdef MADV_HUGEPAGE
    // The rest of the last one stays in small pages, so nothing is taken that was not asked for. A
    // system without huge pages refuses, and all works as before.
    madvise(start, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
    return {start, Release{.mapped = kept}};
  }
#endif
  const std::align_val_t alignment{bytes < kHugePage ? kCacheLine : kHugePage};
  return {::operator new(bytes, alignment), Release{alignment}};
}

void release_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace cnnx
