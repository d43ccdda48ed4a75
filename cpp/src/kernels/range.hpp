#pragma once

#include <cstdint>

namespace cnnx {

// What sums are clipped to when they are stored. NaNs stay.
struct Range {
  float least = -__builtin_inff(), most = __builtin_inff();

  bool is_bounded() const { return least > -__builtin_inff() || most < __builtin_inff(); }
};

}  // namespace cnnx
