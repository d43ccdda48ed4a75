#pragma once

#include <string>

#include "array_view.hpp"
#include "cnnx/activation.hpp"

namespace cnnx::bindings {

// The activation of this name.
Activation activation_of(const Arguments& args, const std::string& name);

}  // namespace cnnx::bindings
