#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/conv2d.hpp"
#include "kernels/cache_line.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/strips.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// The time of a register tile for each of its floats of src, in loads.
inline int64_t tile_time(int64_t accumulators, int64_t loads) {
  const TileTimes& times = kernels().tile_times;
  return times.loads_a_product * std::max(accumulators, times.accumulators) + loads;
}

// Register tiles that a call of the micro-kernel makes. Sums of few floats are worth several, as a
// call takes long beside them; what is fetched ahead of long ones would come all at once.
inline int64_t tiles_together(int64_t floats) {
  constexpr int64_t kShortSum = 64, kTiles = 4;
  return floats < kShortSum ? kTiles : 1;
}

// Lets a register tile fetch its share of what lies ahead, as one of so many that are left, and
// takes that away.
inline void fetch_share(ConvRuns& runs, const ConvTile& tile, int64_t pixel_stride, int64_t tiles,
                        Later& later) {
  runs.ahead_lines = 0;
  if (later.floats <= 0) return;
  const int64_t floats = tile.steps == 1 ? runs.floats : pixel_stride;
  const int64_t stretches = runs.count * ((floats - 1) / kStretchFloats);
  if (stretches == 0) return;
  runs.ahead = later.data;
  runs.ahead_lines = ceil_div(later.floats, tiles * stretches * kLineFloats);
  const int64_t fetched = stretches * runs.ahead_lines * kLineFloats;
  later.data += fetched, later.floats -= fetched;
}

// What `together` adjacent output pixels see of a strip, as runs of contiguous floats. The taps of
// a kernel row lie side by side unless dilation or groups part them.
class Runs {
 public:
  Runs(const Conv2dDims& d, int64_t row_stride, int64_t together)
      : d_(d),
        row_stride_(row_stride),
        side_by_side_(d.groups == 1 && d.dilation_w == 1),
        taps_(side_by_side_ ? d.kw + (together - 1) * d.stride_w : 1) {}

  int64_t count() const { return side_by_side_ ? d_.kh : d_.kh * d_.kw; }
  int64_t taps() const { return taps_; }  // of one run
  int64_t floats() const { return d_.ic / d_.groups * taps_; }
  int64_t offset(int64_t run) const {
    if (side_by_side_) return run * d_.dilation_h * row_stride_;
    return run / d_.kw * d_.dilation_h * row_stride_ + run % d_.kw * d_.dilation_w * d_.ic;
  }

 private:
  Conv2dDims d_;
  int64_t row_stride_;
  bool side_by_side_;
  int64_t taps_;
};

// Runs, or pieces of long ones, in passes of at most `most` floats.
class Passes {
 public:
  Passes(const Runs& runs, int64_t most) : runs_(runs) {
    pieces_ = std::max<int64_t>(ceil_div(runs.floats(), most), 1);
    const int64_t fitting = std::max<int64_t>(most / std::max<int64_t>(runs.floats(), 1), 1);
    together_ = ceil_div(entries(), ceil_div(entries(), pieces_ == 1 ? fitting : 1));
  }

  int64_t count() const { return ceil_div(entries(), together_); }
  int64_t scratch() const { return Scratchpad::padded(2 * entries()); }
  const int64_t* offsets(Scratchpad& scratchpad) const {
    auto* const offsets = reinterpret_cast<int64_t*>(scratchpad.take(scratch()));
    for (int64_t i = 0; i < entries(); ++i) offsets[i] = runs_.offset(i / pieces_) + begin(i);
    return offsets;
  }
  ConvRuns runs(int64_t pass, const int64_t* offsets) const {
    const int64_t first = pass * together_;
    return {std::min(together_, entries() - first),
            runs_.floats() * (first % pieces_ + 1) / pieces_ - begin(first), offsets + first};
  }
  // Floats of all runs before those of a pass.
  int64_t floats_before(int64_t pass) const {
    const int64_t first = pass * together_;
    return first / pieces_ * runs_.floats() + begin(first);
  }

 private:
  int64_t entries() const { return runs_.count() * pieces_; }
  int64_t begin(int64_t entry) const { return runs_.floats() * (entry % pieces_) / pieces_; }

  Runs runs_;
  int64_t pieces_, together_;
};

}  // namespace cnnx
