#include "runtime/starting.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>

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

  static void* wait(void* gate) {
    Gate& self = *static_cast<Gate*>(gate);
    std::unique_lock lock(self.mutex);
    self.opens.wait(lock, [&] { return self.open; });
    return nullptr;
  }
};

// Starts so many threads at once, and ends them; returns how many there were.
int tried(int threads) {
  const std::unique_ptr<pthread_t[]> made(new (std::nothrow)
                                              pthread_t[static_cast<size_t>(threads)]);
  if (made == nullptr) return 0;
  Gate gate;
  int count = 0;
  while (count < threads && pthread_create(&made[count], nullptr, Gate::wait, &gate) == 0) ++count;
  {
    const std::lock_guard lock(gate.mutex);
    gate.open = true;
  }
  gate.opens.notify_all();
  for (int i = 0; i < count; ++i) pthread_join(made[i], nullptr);
  return count;
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
