#include "runtime/team_size.hpp"

#include <algorithm>

namespace cnnx {
namespace {

// In seconds. A thread that is taken away comes back after 4 ms or so, and again and again: a gain
// is remembered for several times as long. Less than kLoss is noise.
constexpr double kMemory = 0.05, kLoss = 0.001;
constexpr double kShortestPause = 0.01, kLongestPause = 0.64;

using Clock = TeamSize::Clock;

Clock::time_point later(Clock::time_point time, double seconds) {
  return time + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

constexpr int fewer(int threads) { return (2 * threads + 1) / 3; }
constexpr int more(int threads) { return (3 * threads + 1) / 2; }

}  // namespace

int TeamSize::of(int threads, Clock::time_point now) {
  if (threads > most_ && now >= next_try_) {
    begin(more(most_));
    next_try_ = later(now, pause_);
  }
  return std::min(threads, most_);
}

void TeamSize::note(int threads, double alone, double seconds, Clock::time_point end) {
  tried_ += seconds;
  gain_ += alone / fewer(threads) - seconds - gain_ * std::min(seconds / kMemory, 1.0);
  if (gain_ > -kLoss) return;
  // If these threads gained for longer than the last pause, it is no more of the same trouble.
  pause_ = tried_ > pause_ ? kShortestPause : std::min(2 * pause_, kLongestPause);
  begin(fewer(threads));
  next_try_ = later(end, pause_);
}

void TeamSize::begin(int most) {
  most_ = most;
  gain_ = tried_ = 0;
}

}  // namespace cnnx
