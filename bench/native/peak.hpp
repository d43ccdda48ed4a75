#pragma once

#include <string>

namespace cnnx::bench {

// Multiply-add operations a second (each counted as 2) that one thread reaches on registers alone,
// with the vectors of the instruction set; measured now.
double peak_flops(const std::string& isa);

}  // namespace cnnx::bench
