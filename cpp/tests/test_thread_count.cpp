#include <gtest/gtest.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/thread_count.hpp"

namespace cnnx {
namespace {

namespace fs = std::filesystem;

// A tree of files in the place of /proc and /sys.
class CpuQuota : public testing::Test {
 protected:
  ~CpuQuota() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }
  int quota() const { return cpu_quota_below(root_.string() + "/"); }

 private:
  static fs::path temporary_folder() {
    std::string name = (fs::temp_directory_path() / "cnnx-XXXXXX").string();
    return mkdtemp(name.data());
  }
  fs::path root_ = temporary_folder();
};

TEST_F(CpuQuota, NoFilesAreNoQuota) { EXPECT_EQ(quota(), INT_MAX); }

TEST_F(CpuQuota, IsRoundedUpToWholeProcessors) {
  write("proc/self/cgroup", "0::/");
  for (const auto& [text, processors] : {std::pair<const char*, int>{"150000 100000", 2},
                                         {"200000 100000", 2},
                                         {"1000 100000", 1},
                                         {"max 100000", INT_MAX},
                                         {"9000000000000000 1", INT_MAX},
                                         {"100000 0", INT_MAX},
                                         {"nonsense", INT_MAX},
                                         {"", INT_MAX}}) {
    write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(quota(), processors) << text;
  }
}

TEST_F(CpuQuota, TheTightestGroupThatHoldsTheProcessDecides) {
  write("proc/self/cgroup", "0::/jobs/mine");
  write("sys/fs/cgroup/jobs/mine/cpu.max", "400000 100000");
  EXPECT_EQ(quota(), 4);
  write("sys/fs/cgroup/jobs/cpu.max", "300000 100000");
  EXPECT_EQ(quota(), 3);
  write("sys/fs/cgroup/jobs/other/cpu.max", "100000 100000");
  EXPECT_EQ(quota(), 3);
}

TEST_F(CpuQuota, OfAContainerIsThatOfTheMount) {
  write("proc/self/cgroup", "0::/docker/0123abcd");  // as seen from outside
  write("sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(quota(), 2);
}

TEST_F(CpuQuota, OfCgroupV1) {
  write("proc/self/cgroup", "12:memory:/\n4:cpu,cpuacct:/mine\n0::/");
  write("sys/fs/cgroup/cpu/mine/cpu.cfs_quota_us", "250000");
  write("sys/fs/cgroup/cpu/mine/cpu.cfs_period_us", "100000");
  EXPECT_EQ(quota(), 3);
  write("sys/fs/cgroup/cpu/mine/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(quota(), INT_MAX);
}

}  // namespace
}  // namespace cnnx
