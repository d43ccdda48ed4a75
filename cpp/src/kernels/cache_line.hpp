#pragma once

#include <cstdint>

namespace cnnx {

constexpr int64_t kLineFloats = 16;  // a cache line

}  // namespace cnnx
