#pragma once

#include <string>

namespace cnnx::bench {

// Multiply-add operations a second (each counted as 2) that one thread reaches on registers alone,
// with the vectors of the instruction set; measured now, in about a millisecond.
double peak_flops(const std::string& isa);

// Bytes read and written a second when one thread copies half of `bytes` to the other half, which
// therefore lie in the same caches as an operation's arrays of that size; measured now.
double copy_rate(double bytes);

}  // namespace cnnx::bench
