#pragma once

#include <string>
#include <vector>

namespace cnnx {

// Threads a kernel may use now: what set_num_threads asked for, else min(OMP_NUM_THREADS or the
// affinity mask, the container's CPU quota); 1 inside another OpenMP region.
int num_threads();
void set_num_threads(int n);  // 0 returns to the default

// Operations that may take long call `check` every 50 ms or so, in the thread that called them.
// What it throws ends them; what they have written by then is undefined.
void set_interruption_check(void (*check)());
// Calls it, if the last time was 50 ms ago.
void check_interruption();

// Instruction sets this machine can run, best first; "ref" is always last.
std::vector<std::string> available_isas();
std::string active_isa();
// Throws std::invalid_argument for a name that is not available.
void set_isa(const std::string& name);

}  // namespace cnnx
