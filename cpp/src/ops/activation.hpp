#pragma once

#include "cnnx/activation.hpp"
#include "kernels/activation_table.hpp"

namespace cnnx {

// An activation on the active instruction set, in the calling thread.
class ActivationCall {
 public:
  explicit ActivationCall(const Activation& activation);

  void forward(int64_t n, const float* src, float* dst) const {
    kernel_.forward(n, activation_.parameters, src, dst);
  }
  void backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) const {
    kernel_.backward(n, activation_.parameters, dst, diff_dst, diff_src);
  }

 private:
  Activation activation_;
  ActivationKernel kernel_;
};

}  // namespace cnnx
