#pragma once

namespace cnnx {

// How many of so many threads, the calling one among them, a region can have. libgomp ends the
// process where it cannot start one, so they are tried beforehand, whenever its pool has fewer.
int threads_to_start(int threads);

// The calling thread's pool is empty again.
void forget_started_threads();

}  // namespace cnnx
