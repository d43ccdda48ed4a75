#pragma once

#include <cstdint>

namespace cnnx {

// value / divisor rounded up, and value rounded up to a multiple; neither is negative.
inline int64_t ceil_div(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }
inline int64_t round_up(int64_t value, int64_t multiple) {
  return ceil_div(value, multiple) * multiple;
}

}  // namespace cnnx
