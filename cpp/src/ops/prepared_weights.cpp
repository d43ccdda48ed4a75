#include "cnnx/prepared_weights.hpp"

#include <algorithm>
#include <new>

namespace cnnx {

constexpr std::align_val_t kAlignment{64};

void PreparedWeights::Release::operator()(float* block) const {
  ::operator delete(block, kAlignment);
}

const float* PreparedWeights::find(Key key) const {
  const auto form = std::find_if(forms_.begin(), forms_.end(),
                                 [&](const Form& other) { return other.key == key; });
  return form == forms_.end() ? nullptr : form->data.get();
}

float* PreparedWeights::add(Key key, int64_t floats) {
  forms_.reserve(forms_.size() + 1);
  auto* const block =
      static_cast<float*>(::operator new(static_cast<size_t>(floats) * sizeof(float), kAlignment));
  forms_.push_back({key, std::unique_ptr<float, Release>(block)});
  return block;
}

}  // namespace cnnx
