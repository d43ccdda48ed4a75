#include <gtest/gtest.h>

#include <chrono>
#include <climits>

#include "runtime/team_size.hpp"

namespace cnnx {
namespace {

// A machine with a clock of its own, on which regions take one thread a millisecond.
class Machine {
 public:
  // Runs regions for so many seconds, and returns the threads of the last one.
  int run(double seconds, int threads, double stall = 0) {
    const double end = now_ + seconds;
    int taken = 0;
    do {
      taken = team_size_.of(threads, time());
      const double took = 0.001 / taken + (taken > can_run_ ? stall : 0);
      now_ += took;
      regions_ += 1;
      if (taken > 1) team_size_.note(taken, 0.001, took, time());
    } while (now_ < end);
    return taken;
  }
  int regions() {
    const int regions = regions_;
    regions_ = 0;
    return regions;
  }
  void wait(double seconds) { now_ += seconds; }
  void leave(int threads) { can_run_ = threads; }  // to us; more of them stall

 private:
  TeamSize::Clock::time_point time() const {
    return TeamSize::Clock::time_point(
        std::chrono::duration_cast<TeamSize::Clock::duration>(std::chrono::duration<double>(now_)));
  }

  TeamSize team_size_;
  double now_ = 1;
  int regions_ = 0, can_run_ = INT_MAX;
};

constexpr double kStall = 0.004;

TEST(TeamSize, AQuietMachineGivesAllThreads) {
  Machine machine;
  for (int threads : {2, 3, 4, 64}) EXPECT_EQ(machine.run(1, threads), threads);
}

TEST(TeamSize, OneThreadIsTakenWhereTwoAreSlower) {
  Machine machine;
  machine.leave(1);
  machine.run(0.1, 2, kStall);
  machine.regions();
  machine.run(10, 2, kStall);
  EXPECT_GT(machine.regions(), 9500);  // of 10,000 on one thread, 2,200 on two
}

TEST(TeamSize, TwoThreadsAreTakenAgainOnceTheyGain) {
  Machine machine;
  machine.leave(1);
  machine.run(10, 2, kStall);
  machine.leave(2);
  machine.run(1, 2, kStall);
  EXPECT_EQ(machine.run(10, 2, kStall), 2);
}

TEST(TeamSize, AStallNowAndThenIsNoReasonForFewer) {
  Machine machine;
  machine.run(0.1, 2);
  for (int stall = 0; stall < 100; ++stall) {
    machine.leave(1);
    EXPECT_EQ(machine.run(0, 2, kStall), 2);
    machine.leave(2);
    EXPECT_EQ(machine.run(0.02, 2), 2);
  }
}

TEST(TeamSize, OfManyThreadsThoseAreTakenThatRun) {
  Machine machine;
  machine.leave(6);
  machine.run(1, 8, kStall);
  machine.regions();
  machine.run(10, 8, kStall);
  EXPECT_GT(machine.regions(), 40000);  // 50,000 on five threads
}

}  // namespace
}  // namespace cnnx
