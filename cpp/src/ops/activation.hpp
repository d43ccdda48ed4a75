#pragma once

#include "cnnx/epilogue.hpp"
#include "kernels/kernel_table.hpp"

namespace cnnx {

const ActivationKernel& activation_kernel(Activation activation);

// What an epilogue does to n finished outputs, from number `first` on, in the calling thread.
void activate(const Epilogue& epilogue, int64_t n, int64_t first, float* dst);

}  // namespace cnnx
