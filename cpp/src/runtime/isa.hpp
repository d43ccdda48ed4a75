#pragma once

#include <string_view>

namespace cnnx {

// Whether this processor, and the operating system's saved state, can run the named kernel table.
bool cpu_supports(std::string_view isa);

}  // namespace cnnx
