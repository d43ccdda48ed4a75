#pragma once

#include "cnnx/epilogue.hpp"
#include "kernels/range.hpp"

namespace cnnx {

// The two steps of an epilogue, for a part of the outputs, in the calling thread. dst, the addend
// and the codes are those of all outputs. The part begins with output number `first`.

// Pools contiguous rows of windows, each of `windows` windows of c channels, and activates them.
void pool_rows(const Epilogue& epilogue, int64_t window_rows, int64_t windows, int64_t c,
               const float* rows, int64_t first, float* dst);
// Adds the addend to n outputs and activates them.
void finish(const Epilogue& epilogue, int64_t n, int64_t first, float* dst);
// Whether `finish` changes nothing.
bool is_finished(const Epilogue& epilogue);

// An epilogue as kernels can do it that clip what they store, and what is left of it then.
struct Clipping {
  Range range;
  Epilogue rest;
};
Clipping clipping(const Epilogue& epilogue);
// What is left for kernels that add the addend.
Epilogue after_addition(Epilogue epilogue);

}  // namespace cnnx
