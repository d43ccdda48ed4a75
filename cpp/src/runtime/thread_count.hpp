#pragma once

#include <string>

namespace cnnx {

// Whole processors that the container's CPU quota (cgroup v2 cpu.max, v1 cfs_quota_us) grants,
// rounded up; INT_MAX without a quota. Read once.
int cpu_quota();

// The same by the files below `root` in the place of "/".
int cpu_quota_below(const std::string& root);

}  // namespace cnnx
