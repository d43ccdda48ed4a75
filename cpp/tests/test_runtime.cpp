#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cnnx/runtime.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

TEST(Runtime, RefIsAlwaysTheLastInstructionSet) { EXPECT_EQ(available_isas().back(), "ref"); }

TEST(Runtime, SetIsaTakesOnlyWhatRunsHere) {
  const std::string before = active_isa();
  for (const std::string& isa : available_isas()) {
    set_isa(isa);
    EXPECT_EQ(active_isa(), isa);
  }
  EXPECT_THROW(set_isa("sse9"), std::invalid_argument);
  set_isa(before);
}

TEST(Parallel, EveryItemIsVisitedOnceWhateverTheThreads) {
  for (int threads : {1, 2, 3, 7}) {
    for (int64_t count : {0, 1, 5, 100}) {
      std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
      parallel_for(threads, count, [&](int64_t begin, int64_t end, int thread) {
        EXPECT_LT(thread, threads);
        for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
      });
      for (const auto& visit : visits) EXPECT_EQ(visit, 1);
    }
  }
}

TEST(Parallel, PiecesCoverEveryItemOnce) {
  for (int threads : {1, 2, 3}) {
    for (int64_t count : {0, 1, 5, 100}) {
      for (int64_t pieces : {0, 1, 7, 1000}) {
        std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
        parallel_for_pieces(threads, count, pieces, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
        });
        for (const auto& visit : visits) EXPECT_EQ(visit, 1);
      }
    }
  }
}

TEST(Parallel, AnInterruptionLeavesThePiecesOut) {
  set_interruption_check([] { throw std::runtime_error("stop"); });
  for (int threads : {1, 2, 3}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));  // it is asked now and then
    std::atomic<int64_t> visits{0};
    auto body = [&](int64_t begin, int64_t end, int) {
      visits += end - begin;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    EXPECT_THROW(parallel_for_pieces(threads, 1000, 500, body), std::runtime_error);
    EXPECT_LT(visits, 900);
    visits = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    parallel_for_pieces(threads, 1000, 1, body);  // too short to ask
    parallel_for(threads, 1000, body);
    EXPECT_EQ(visits, 2000);
  }
  set_interruption_check(nullptr);
}

TEST(Parallel, AnInterruptionEndsTheRegionWhereItIsAskedFor) {
  set_interruption_check([] { throw std::runtime_error("stop"); });
  EXPECT_FALSE(interrupted());  // outside
  for (int threads : {1, 2, 3}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    std::atomic<int> stopped{0};
    auto body = [&](int64_t, int64_t, int) {
      Pace pace;
      for (int i = 0; i < 10000 && !pace.stops(int64_t{1} << 22); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        // What an operation in the region throws would end the process.
        parallel_for(1, 1, [](int64_t, int64_t, int) { interrupted(); });
      }
      stopped += pace.stops(0);
    };
    EXPECT_THROW(parallel_for(threads, threads, body), std::runtime_error);
    EXPECT_EQ(stopped, threads);
  }
  set_interruption_check(nullptr);
  parallel_for(2, 2, [](int64_t, int64_t, int) { EXPECT_FALSE(interrupted()); });
}

TEST(Parallel, ARegionInsideARegionIsSerial) {
  set_num_threads(2);
  parallel_for(2, 2, [](int64_t, int64_t, int) { EXPECT_EQ(threads_for(1000, 1), 1); });
  set_num_threads(2);  // whether or not that region had to wait
  EXPECT_EQ(threads_for(1000, 1), 2);
  EXPECT_EQ(threads_for(1000, 600), 1);
  EXPECT_EQ(threads_for(0, 1), 1);
  set_num_threads(0);
}

TEST(Parallel, CallersShareTheThreads) {
  set_num_threads(4);
  std::atomic<int> inside{0};
  std::atomic<bool> leave{false};
  std::thread other([&] {
    parallel_for(3, 3, [&](int64_t, int64_t, int) {
      ++inside;
      while (!leave) std::this_thread::yield();
    });
  });
  while (inside < 3) std::this_thread::yield();
  EXPECT_EQ(threads_for(1000, 1), 1);
  set_num_threads(8);
  EXPECT_EQ(threads_for(1000, 1), 5);
  // Who computes on one thread counts too, while another is at work.
  parallel_for(1, 1, [](int64_t, int64_t, int) { EXPECT_EQ(threads_for(1000, 1), 4); });
  leave = true;
  other.join();
  EXPECT_EQ(threads_for(1000, 1), 8);
  set_num_threads(0);
}

TEST(Parallel, DenormalsAreFlushedInsideAndKeptOutside) {
  volatile float tiny = 1e-39f, small = 1e-30f;
  for (int threads : {1, 2}) {
    std::atomic<int> flushed{0};
    parallel_for(threads, 2, [&](int64_t, int64_t, int) {
      flushed += tiny * 1e30f == 0.0f && small * 1e-9f == 0.0f;  // an operand, a result
    });
    EXPECT_EQ(flushed, threads);
    EXPECT_GT(tiny * 1e30f, 0.0f);
    EXPECT_GT(small * 1e-9f, 0.0f);
  }
}

TEST(ThreadsFor, SleepingThreadsAreWokenForMoreWorkOnly) {
  set_num_threads(2);
  const auto run_region = [] {
    parallel_for(2, 2, [](int64_t, int64_t, int) {});
    set_num_threads(2);  // whether or not it had to wait
  };
  run_region();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(threads_for(3, 1), 1);
  EXPECT_EQ(threads_for(1000, 1), 2);
  EXPECT_EQ(threads_for(2, 0.1), 2);  // each of them worth many threads
  EXPECT_EQ(threads_for(2, 0.0), 2);
  // Two items that are worth a thread each, but not to wake one.
  EXPECT_EQ(threads_for_rows(2, kElementwiseGrain + 1), 1);
  EXPECT_EQ(threads_for_work(2, 250, 100), 1);
  EXPECT_EQ(threads_for_work(2, 2500, 100), 2);
  EXPECT_EQ(threads_for_work(2, 0, 100), 1);
  EXPECT_EQ(threads_for_work(0, 0, 100), 1);
  // Operations in a row count together, unless this thread was held up between them.
  int woken = 1;
  for (int attempt = 0; attempt < 1000 && woken == 1; ++attempt) {
    for (int operation = 0; operation < 4; ++operation) woken = threads_for(5, 1);
  }
  EXPECT_EQ(woken, 2);
  // Those that take longer than threads stay awake, too.
  woken = 1;
  for (int attempt = 0; attempt < 1000 && woken == 1; ++attempt) {
    for (int operation = 0; operation < 4; ++operation) {
      woken = threads_for(5, 1);
      std::this_thread::sleep_for(std::chrono::microseconds(120));
    }
  }
  EXPECT_EQ(woken, 2);
  // Just after a region they are awake, unless this thread was held up.
  int threads = 1;
  for (int attempt = 0; attempt < 1000 && threads == 1; ++attempt) {
    run_region();
    threads = threads_for(3, 1);
  }
  EXPECT_EQ(threads, 2);
  set_num_threads(0);
}

TEST(Scratchpad, BlocksAreAlignedAndKeptBetweenOperations) {
  float* first = nullptr;
  {
    Scratchpad scratch(Scratchpad::padded(3) + 100);
    first = scratch.take(3);
    float* second = scratch.take(100);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(second) % 64, 0u);
    EXPECT_GE(second - first, 3);
  }
  Scratchpad scratch(50);
  EXPECT_EQ(scratch.take(50), first);
}

TEST(Scratchpad, ThreadsFindTheirPartsWhereTheyWere) {
  float *first = nullptr, *second = nullptr, *shared = nullptr;
  {
    Scratchpad scratch(50, 2, 1000);
    first = scratch.of_thread(0), second = scratch.of_thread(1), shared = scratch.take(50);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(second) % 64, 0u);
    EXPECT_GE(second - first, 1000);
    EXPECT_GE(shared - second, 1000);
  }
  {
    Scratchpad smaller(50, 2, 10);
    EXPECT_EQ(smaller.of_thread(0), first);
    EXPECT_EQ(smaller.of_thread(1), second);
    EXPECT_EQ(smaller.take(50), shared);
  }
  EXPECT_EQ(Scratchpad(50).take(50), shared);
}

TEST(Scratchpad, HoldsPartsThatNoMoreFitBesideTheLargest) {
  constexpr int64_t kMillion = int64_t{1} << 20;
  {
    Scratchpad large(0, 2, 7 * kMillion);
  }
  Scratchpad scratch(8 * kMillion, 2, kMillion);
  float* const shared = scratch.take(8 * kMillion);
  EXPECT_GE(scratch.of_thread(1) - scratch.of_thread(0), kMillion);
  EXPECT_GE(shared - scratch.of_thread(1), kMillion);
  std::fill_n(shared, 8 * kMillion, 1.0f);
  std::fill_n(scratch.of_thread(1), kMillion, 2.0f);
  EXPECT_EQ(shared[0], 1.0f);
  EXPECT_EQ(shared[8 * kMillion - 1], 1.0f);
}

TEST(Scratchpad, TakesNoRoomForPartsBesideMuchThatIsShared) {
  constexpr int64_t kMillion = int64_t{1} << 20;
  {
    Scratchpad parts(0, 2, kMillion);
  }
  Scratchpad scratch(2 * kMillion, 2, 10);
  float* const first = scratch.of_thread(0);
  EXPECT_GE(scratch.of_thread(1) - first, 10);
  float* const shared = scratch.take(2 * kMillion);
  EXPECT_GE(shared - scratch.of_thread(1), 10);
  EXPECT_LT(shared - first, kMillion);
}

TEST(Scratchpad, NoMoreIsTakenThanWasAskedFor) {
  Scratchpad scratch(Scratchpad::padded(50) + 100);
  scratch.take(50);
  EXPECT_THROW(scratch.take(1000), std::logic_error);
  scratch.take(100);
  EXPECT_THROW(scratch.take(1000), std::logic_error);
}

TEST(Scratchpad, AnOperationWithinAnotherGetsABlockOfItsOwn) {
  Scratchpad outer(50);
  float* const block = outer.take(50);
  {
    Scratchpad inner(50);
    EXPECT_NE(inner.take(50), block);
  }
  EXPECT_NE(Scratchpad(50).take(50), block);
}

}  // namespace
}  // namespace cnnx
