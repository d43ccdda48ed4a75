#include "runtime/isa.hpp"

#if defined(CNNX_X86_64) && defined(_WIN32)
#include <intrin.h>
#endif

namespace cnnx {
#if defined(CNNX_X86_64) && defined(_WIN32)
namespace {

// The compiler's run-time check needs a library that clang-cl does not link. What the processor can
// do is in leaves 1 and 7 of cpuid; what the operating system saves, in the register XCR0.
bool has_bits(unsigned value, unsigned bits) { return (value & bits) == bits; }

[[gnu::target("xsave")]] bool saves(unsigned bits) {
  return has_bits(static_cast<unsigned>(_xgetbv(0)), bits);
}

bool cpu_has(bool avx512) {
  constexpr unsigned kFma = 1u << 12, kXsave = 1u << 27, kAvx2 = 1u << 5;
  constexpr unsigned kFoundation = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  constexpr unsigned kSaves256 = 0x6, kSaves512 = 0xe6;
  int first[4], seventh[4];
  __cpuidex(first, 1, 0);
  __cpuidex(seventh, 7, 0);
  if (!has_bits(static_cast<unsigned>(first[2]), kFma | kXsave)) return false;
  const auto found = static_cast<unsigned>(seventh[1]);
  return avx512 ? has_bits(found, kFoundation | kDq | kBw | kVl) && saves(kSaves512)
                : has_bits(found, kAvx2) && saves(kSaves256);
}

}  // namespace
#endif

bool cpu_supports(std::string_view isa) {
#if defined(CNNX_X86_64) && defined(_WIN32)
  if (isa == "avx512" || isa == "avx2") return cpu_has(isa == "avx512");
#elif defined(CNNX_X86_64)
  // What the files in kernels/<isa>/ are compiled for. The compiler's run-time check also asks
  // whether the operating system saves the wide registers.
  if (isa == "avx512") {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
  }
  if (isa == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(CNNX_AARCH64)
  if (isa == "neon") return true;  // every 64-bit ARM has it
#endif
  return isa == "ref";
}

}  // namespace cnnx
