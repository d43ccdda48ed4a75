#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace cnnx::bindings {

// Releases the GIL in its scope. A thread that calls one operation after the other holds the GIL
// for a few microseconds in between. Falling asleep and being woken takes another thread longer
// than that. So a thread that wants the GIL back stays awake for a while, until the thread that
// took it last has released it.
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {
    PyThreadState* mine = state_;
    back_.compare_exchange_strong(mine, nullptr, std::memory_order_relaxed);
  }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;
  // A daemon thread that wants the GIL while the process exits is unwound by CPython before 3.14,
  // which would drop references without the GIL; here it sleeps, as it does in CPython since.
  ~GilRelease() {
#ifndef Py_GIL_DISABLED
    wait_for_turn();
#endif
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds kAwake{20};

  void wait_for_turn() const {
    if (takes_turn()) return;
    const Clock::time_point end = Clock::now() + kAwake;
    while (Clock::now() < end) {
      if (back_.load(std::memory_order_relaxed) == nullptr && takes_turn()) return;
    }
    back_ = state_;  // the other one does something else by now
  }
  bool takes_turn() const {
    PyThreadState* nobody = nullptr;
    return back_.compare_exchange_strong(nobody, state_, std::memory_order_relaxed);
  }

  // The thread that took the GIL back last and has not released it here since. Only its address
  // counts.
  inline static std::atomic<PyThreadState*> back_{nullptr};
  PyThreadState* state_;
};

}  // namespace cnnx::bindings
