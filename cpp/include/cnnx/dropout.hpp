#pragma once

#include <cstdint>

namespace cnnx {

// Keeps element i with probability 1 - rate and scales it by 1 / (1 - rate); the choice depends on
// (seed, i) alone, so the backward pass is the same call on the gradient with the same seed.
// Random numbers: Philox4x32-10 (Salmon et al. 2011), counter i / 4, key seed, lane i % 4.
void dropout(int64_t n, float rate, uint64_t seed, const float* src, float* dst);

// Multiplies element i by a normal number of mean 1 and variance rate / (1 - rate), which depends
// on (seed, i) alone, so that the backward pass is the same call. Box & Muller (1958) on the random
// numbers above: lanes 0 and 1, and 2 and 3, give two normal numbers each.
void gaussian_dropout(int64_t n, float rate, uint64_t seed, const float* src, float* dst);

}  // namespace cnnx
