#include "runtime/isa.hpp"

namespace cnnx {

bool cpu_supports(std::string_view isa) {
#ifdef CNNX_X86_64
  // The levels are the ones that the files in kernels/<isa>/ are compiled for. The compiler's
  // run-time check also asks the operating system whether it saves the wide registers.
  if (isa == "avx512") return __builtin_cpu_supports("x86-64-v4");
  if (isa == "avx2") return __builtin_cpu_supports("x86-64-v3");
#endif
  return isa == "ref";
}

}  // namespace cnnx
