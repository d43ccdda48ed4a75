#include "runtime/isa.hpp"

namespace cnnx {

bool cpu_supports(std::string_view isa) {
#ifdef CNNX_X86_64
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
