#include "runtime/thread_count.hpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <fstream>
#include <string>

namespace cnnx {
namespace {

int processors(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return INT_MAX;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, double{INT_MAX}));
}

// cpu.max holds "max 100000" or "150000 100000".
int quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period ? processors(quota, period) : INT_MAX;
}

int quota_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"),
      period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? processors(quota, period) : INT_MAX;
}

// This process's group under one hierarchy, as /proc/self/cgroup has it ("0::/path",
// "4:cpu,cpuacct:/path").
std::string own_group(const std::string& root, bool v2) {
  std::ifstream file(root + "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string controllers = ",";
    controllers.append(line, first + 1, second - first - 1).append(",");
    if (v2 ? controllers == ",," : controllers.find(",cpu,") != std::string::npos) {
      return line.substr(second + 1);
    }
  }
  return "/";
}

// The tightest quota of the group and of all that hold it. Inside a container the path may lead
// nowhere; the mount's root is then the container's own group.
template <typename Quota>
int tightest(const std::string& mount, std::string group, Quota quota) {
  int result = quota(mount);
  while (group.size() > 1) {
    result = std::min(result, quota(mount + group));
    group.resize(group.rfind('/'));
  }
  return result;
}

}  // namespace

int cpu_quota_below(const std::string& root) {
  const std::string mount = root + "sys/fs/cgroup";
  return std::min(tightest(mount, own_group(root, true), quota_v2),
                  tightest(mount + "/cpu", own_group(root, false), quota_v1));
}

int cpu_quota() {
  static const int quota = cpu_quota_below("/");
  return quota;
}

}  // namespace cnnx
