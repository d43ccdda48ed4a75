#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "array_view.hpp"
#include "cnnx/activation.hpp"

namespace cnnx::bindings {

// A name, or a name and the parameters in the place of the usual ones.
using NamedActivation = std::variant<std::string, std::pair<std::string, std::vector<float>>>;

Activation activation_of(const Arguments& args, const NamedActivation& named);
// One that a normalisation computes on the way: linear, ReLU or ReLU6.
Activation rectifier_of(const Arguments& args, const NamedActivation& named);

}  // namespace cnnx::bindings
