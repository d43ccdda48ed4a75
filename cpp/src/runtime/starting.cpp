#include "runtime/starting.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace cnnx {
namespace {

using Clock = std::chrono::steady_clock;

// While threads are short, they are tried again after so long.
constexpr std::chrono::seconds kPause{1};

thread_local int started = 1;
thread_local Clock::time_point next_try;

// Holds threads until all are there, as a pool does.
struct Gate {
  std::mutex mutex;
  std::condition_variable opens;
  bool open = false;
  std::vector<long> inside;  // the kernel's numbers of the threads

  void wait() {
    std::unique_lock lock(mutex);
#ifdef __linux__
    inside.push_back(syscall(SYS_gettid));
#endif
    opens.wait(lock, [this] { return open; });
  }
};

// Linux counts a thread among its user's for a moment after it was joined, and OpenMP, which then
// found one too many, would end the program.
void wait_until_gone([[maybe_unused]] long thread) {
#ifdef __linux__
  while (syscall(SYS_tgkill, getpid(), thread, 0) == 0) std::this_thread::yield();
#endif
}

// Starts so many threads at once, and ends them; returns how many there were.
int tried(int threads) {
  Gate gate;
  std::vector<std::thread> made;
  try {
    made.reserve(static_cast<size_t>(threads));
    gate.inside.reserve(static_cast<size_t>(threads));
    for (int i = 0; i < threads; ++i) made.emplace_back(&Gate::wait, &gate);
  } catch (const std::exception&) {  // no more threads, or no memory for one
  }
  {
    const std::lock_guard lock(gate.mutex);
    gate.open = true;
  }
  gate.opens.notify_all();
  for (std::thread& thread : made) thread.join();
  for (const long thread : gate.inside) wait_until_gone(thread);
  return static_cast<int>(made.size());
}

}  // namespace

int threads_to_start(int threads) {
  if (threads == started) return threads;
  if (threads > started) {
    const Clock::time_point now = Clock::now();
    if (now < next_try) return started;
    const int found = 1 + tried(threads - 1);
    if (found < threads) next_try = now + kPause;
    // It keeps the threads that it has, whatever else can be started.
    if (found <= started) return started;
    threads = found;
  }
  started = threads;  // it ends those that a region does not ask for
  return threads;
}

void forget_started_threads() { started = 1; }

}  // namespace cnnx
