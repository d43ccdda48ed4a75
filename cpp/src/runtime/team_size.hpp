#pragma once

#include <chrono>

namespace cnnx {

// How many threads are worth their regions, by what the last ones gained. A machine that is busy
// with something else takes threads away, and a region waits for each of them: two threads then
// take several times as long as one. After a loss, fewer threads compute for a while, and a longer
// one each time.
class TeamSize {
 public:
  using Clock = std::chrono::steady_clock;

  // The threads to take at this time, of so many.
  int of(int threads, Clock::time_point now);

  // A region of `threads` took `seconds` until `end`; one thread would have taken `alone`.
  void note(int threads, double alone, double seconds, Clock::time_point end);

 private:
  void begin(int most);

  int most_ = 1 << 20;
  double gain_ = 0;   // seconds that fewer threads would have taken longer, of late
  double tried_ = 0;  // seconds in regions since most_ changed
  double pause_ = 0;  // seconds from the last loss until more threads are tried
  Clock::time_point next_try_;
};

}  // namespace cnnx
