#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace cnnx {

// Flushes denormals to zero for a scope (they can cost 50 times as much as a normal number) and
// puts the thread's mode back. It has to be set in every thread that computes.
class FlushDenormals {
#if defined(__SSE2__)
 public:
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlushToZero | kAreZero); }
  ~FlushDenormals() { _mm_setcsr(saved_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  static constexpr unsigned kFlushToZero = 0x8000, kAreZero = 0x0040;
  unsigned saved_;
#endif
};

}  // namespace cnnx
