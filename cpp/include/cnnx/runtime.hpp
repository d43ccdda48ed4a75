#pragma once

#include <string>
#include <vector>

namespace cnnx {

// Threads a kernel may use now: what set_num_threads asked for, else min(OMP_NUM_THREADS or the
// affinity mask, the container's CPU quota); 1 inside another OpenMP region.
int num_threads();
void set_num_threads(int n);  // 0 returns to the default

// Instruction sets this machine can run, best first; "ref" is always last.
std::vector<std::string> available_isas();
std::string active_isa();
// Throws std::invalid_argument for a name that is not available.
void set_isa(const std::string& name);

}  // namespace cnnx
