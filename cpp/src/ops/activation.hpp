#pragma once

#include "cnnx/activation.hpp"
#include "kernels/kernel_table.hpp"

namespace cnnx {

const ActivationKernel& activation_kernel(Activation activation);

}  // namespace cnnx
