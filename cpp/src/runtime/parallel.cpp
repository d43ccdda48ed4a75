// The one file with OpenMP.
#include "runtime/parallel.hpp"

#include <omp.h>
#ifndef _WIN32
#include <pthread.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <limits>
#include <thread>

#include "cnnx/runtime.hpp"
#include "runtime/denormals.hpp"
#include "runtime/starting.hpp"
#include "runtime/team_size.hpp"
#include "runtime/thread_count.hpp"

namespace cnnx {
namespace {

using Clock = std::chrono::steady_clock;

// Idle threads spin for about as long before they sleep (python/cnnx/openmp.py). To wake them takes
// as long as work of so many grains, of one operation or of several in a row. Operations are in a
// row if each begins less than kInARow after the one before began: one of fewer grains takes less.
constexpr std::chrono::microseconds kAwake{100}, kInARow{300};
constexpr double kWaking = 16;
thread_local Clock::time_point last_region_end;
// What was done on one thread, in grains, because the others slept; and when the last of it began.
thread_local double grains_alone = 0;
thread_local Clock::time_point last_alone;
thread_local TeamSize team_size;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// In the regions of all callers. One thread of a lone caller is not counted: that of a small
// operation.
std::atomic<int> threads_at_work{0};
class AtWork {
 public:
  explicit AtWork(int threads)
      : threads_(threads > 1 || threads_at_work.load(std::memory_order_relaxed) > 0 ? threads : 0) {
    if (threads_ > 0) threads_at_work.fetch_add(threads_, std::memory_order_relaxed);
  }
  ~AtWork() {
    if (threads_ > 0) threads_at_work.fetch_sub(threads_, std::memory_order_relaxed);
  }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  int threads_;
};

// What the threads of a region share. In a region inside it they are those of the outer one.
class Region {
 public:
  bool interrupted() {
    if (std::this_thread::get_id() == caller_ && !interrupted_) {
      try {
        check_interruption();
      } catch (...) {  // which may not leave the region
        exception_ = std::current_exception();
        interrupted_ = true;
      }
    }
    return interrupted_;
  }
  // After the region.
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<bool> interrupted_ = false;
  std::exception_ptr exception_;
};
thread_local Region* region = nullptr;

// A thread's time in a region.
class Inside {
 public:
  explicit Inside(Region& entered) : outer_(region) {
    if (outer_ == nullptr) region = &entered;
  }
  ~Inside() { region = outer_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Region* outer_;
  const FlushDenormals flush_;
};

std::atomic<int> requested_threads{0};
std::atomic<void (*)()> interruption_check{nullptr};

// libgomp's workers do not survive fork(): a child that starts a region waits for them for ever.
// Pausing the forking thread's pool before the fork makes both sides start a new one. It cannot be
// paused from inside a region; the child then stays serial. Windows has no fork().
#ifndef _WIN32
bool pool_is_paused = false;
[[maybe_unused]] const int fork_handler = pthread_atfork(
    [] {
      pool_is_paused = omp_pause_resource_all(omp_pause_soft) == 0;
      forget_started_threads();
    },
    nullptr,
    [] {
      threads_at_work = 0;
      if (!pool_is_paused) set_num_threads(1);
    });
#endif

}  // namespace

int num_threads() {
  if (omp_in_parallel()) return 1;
  const int requested = requested_threads.load(std::memory_order_relaxed);
  // Asked each time, so that threadpoolctl and omp_set_num_threads take effect.
  return requested > 0 ? requested : std::min(omp_get_max_threads(), cpu_quota());
}

void set_num_threads(int n) {
  requested_threads.store(n, std::memory_order_relaxed);
  team_size = TeamSize();
}

void set_interruption_check(void (*check)()) { interruption_check = check; }

void check_interruption() {
  thread_local Clock::time_point next;
  void (*const check)() = interruption_check;
  const Clock::time_point now = Clock::now();
  if (check == nullptr || now < next) return;
  next = now + std::chrono::milliseconds(50);
  check();
}

bool interrupted() { return region != nullptr && region->interrupted(); }

int threads_for(int64_t count, double grain) {
  const auto items = static_cast<double>(count);
  if (items <= grain) return 1;
  const int most = num_threads() - threads_at_work.load(std::memory_order_relaxed);
  if (most <= 1) return 1;
  const double worth = items / grain;
  if (items < 2 * std::max(grain, 1.0)) return 1;
  const Clock::time_point now = Clock::now();
  if (now - last_region_end > kAwake) {
    if (now - last_alone > kInARow) grains_alone = 0;
    grains_alone += worth, last_alone = now;
    if (grains_alone < kWaking) return 1;
    grains_alone = 0;
  }
  return team_size.of(most, now);
}

namespace detail {

void run_ranges(int threads, int64_t count, void* context, RangeBody body) {
  const AtWork at_work(threads);
  Region entered;
  if (threads <= 1) {
    {
      const Inside inside(entered);
      body(context, 0, count, 0);
    }
    entered.rethrow();
    return;
  }
  const Clock::time_point begin = Clock::now();
  const auto elapsed = [begin] { return seconds_between(begin, Clock::now()); };
  // Seconds an item, in the range that took the least: no thread was taken away in it.
  double fastest = std::numeric_limits<double>::max();
#pragma omp parallel num_threads(threads_to_start(threads)) reduction(min : fastest)
  {
    const Inside inside(entered);
    // The runtime may give fewer threads than asked for; all ranges are covered all the same.
    for (int range = omp_get_thread_num(); range < threads; range += omp_get_num_threads()) {
      const int64_t first = count * range / threads, last = count * (range + 1) / threads;
      body(context, first, last, range);
      if (first < last) fastest = std::min(fastest, elapsed() / static_cast<double>(last - first));
    }
  }
  last_region_end = Clock::now();
  team_size.note(threads, fastest * static_cast<double>(count),
                 seconds_between(begin, last_region_end), last_region_end);
  entered.rethrow();
}

}  // namespace detail
}  // namespace cnnx
