#pragma once

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "cnnx/memory.hpp"

namespace cnnx {

// The weights of a layer in use in the forms that its forward passes read: each is made when it is
// first needed, and kept. For weights that do not change; several threads may use them. All forms
// are those of the weights times a scale of each output channel, if there is one.
class PreparedWeights {
 public:
  explicit PreparedWeights(std::vector<float> scale = {}) : scale_(std::move(scale)) {}

  // A kernel's form of the weights: the address of its entry in a table of kernels, and which of
  // its forms.
  struct Key {
    const void* kernel;
    int64_t variant;
    bool operator==(const Key&) const = default;
  };

  // Of each output channel, or null; and of how many.
  const float* scale() const { return scale_.empty() ? nullptr : scale_.data(); }
  int64_t scaled_channels() const { return static_cast<int64_t>(scale_.size()); }

  // The weights, whose last axis are the output channels, times the scale.
  const float* scaled(const float* weights, int64_t floats) {
    if (scale_.empty()) return weights;
    return form({this, 0}, floats, [&](float* memory) { write_scaled(weights, floats, memory); });
  }
  void write_scaled(const float* weights, int64_t floats, float* scaled) const {
    for (int64_t i = 0; i < floats; ++i) scaled[i] = weights[i] * scale_[i % scaled_channels()];
  }

  // The form of so many floats, which make(memory) writes if it was not made yet.
  template <typename Make>
  const float* form(Key key, int64_t floats, const Make& make) {
    const std::lock_guard lock(mutex_);
    for (const Form& form : forms_) {
      if (form.key == key) return static_cast<const float*>(form.data.get());
    }
    forms_.reserve(forms_.size() + 1);
    Memory data = allocate(static_cast<size_t>(floats) * sizeof(float));
    make(static_cast<float*>(data.get()));
    forms_.push_back({key, std::move(data)});
    return static_cast<const float*>(forms_.back().data.get());
  }

 private:
  struct Form {
    Key key;
    Memory data;
  };
  const std::vector<float> scale_;
  std::mutex mutex_;
  std::vector<Form> forms_;
};

}  // namespace cnnx
