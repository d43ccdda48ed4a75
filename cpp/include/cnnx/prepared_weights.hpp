#pragma once

#include <cstdint>
#include <vector>

#include "cnnx/memory.hpp"

namespace cnnx {

// The weights of a layer in use in the forms that its forward passes read: each is made when it is
// first needed, and kept. For weights that do not change, and one thread at a time.
class PreparedWeights {
 public:
  // A kernel's form of the weights: the address of its entry in a table of kernels, and which of
  // its forms.
  struct Key {
    const void* kernel;
    int64_t variant;
    bool operator==(const Key&) const = default;
  };

  // Null if this form was not made yet.
  const float* find(Key key) const;
  // Memory for a new form.
  float* add(Key key, int64_t floats);

 private:
  struct Form {
    Key key;
    Memory data;
  };
  std::vector<Form> forms_;
};

}  // namespace cnnx
