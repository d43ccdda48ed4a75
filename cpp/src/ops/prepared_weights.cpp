#include "cnnx/prepared_weights.hpp"

#include <algorithm>

namespace cnnx {

const float* PreparedWeights::find(Key key) const {
  const auto form = std::find_if(forms_.begin(), forms_.end(),
                                 [&](const Form& other) { return other.key == key; });
  return form == forms_.end() ? nullptr : static_cast<const float*>(form->data.get());
}

float* PreparedWeights::add(Key key, int64_t floats) {
  forms_.reserve(forms_.size() + 1);
  forms_.push_back({key, allocate(static_cast<size_t>(floats) * sizeof(float))});
  return static_cast<float*>(forms_.back().data.get());
}

}  // namespace cnnx
