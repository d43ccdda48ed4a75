#include "cnnx/activation.hpp"

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

void forward(Elementwise kernel, int64_t n, const float* src, float* dst) {
  parallel_for(threads_for(n, kElementwiseGrain), n, [=](int64_t begin, int64_t end, int) {
    kernel(end - begin, src + begin, dst + begin);
  });
}

void backward(ElementwiseBackward kernel, int64_t n, const float* dst, const float* diff_dst,
              float* diff_src) {
  parallel_for(threads_for(n, kElementwiseGrain), n, [=](int64_t begin, int64_t end, int) {
    kernel(end - begin, dst + begin, diff_dst + begin, diff_src + begin);
  });
}

}  // namespace

void relu_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.relu_forward, n, src, dst);
}
void relu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.relu_backward, n, dst, diff_dst, diff_src);
}

void sigmoid_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.sigmoid_forward, n, src, dst);
}
void sigmoid_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.sigmoid_backward, n, dst, diff_dst, diff_src);
}

void tanh_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.tanh_forward, n, src, dst);
}
void tanh_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.tanh_backward, n, dst, diff_dst, diff_src);
}

void arctan_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.arctan_forward, n, src, dst);
}
void arctan_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.arctan_backward, n, dst, diff_dst, diff_src);
}

void elu_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.elu_forward, n, src, dst);
}
void elu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.elu_backward, n, dst, diff_dst, diff_src);
}

void leaky_relu_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.leaky_relu_forward, n, src, dst);
}
void leaky_relu_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.leaky_relu_backward, n, dst, diff_dst, diff_src);
}

void softplus_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.softplus_forward, n, src, dst);
}
void softplus_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.softplus_backward, n, dst, diff_dst, diff_src);
}

void exponential_forward(int64_t n, const float* src, float* dst) {
  forward(kernels().activation.exponential_forward, n, src, dst);
}
void exponential_backward(int64_t n, const float* dst, const float* diff_dst, float* diff_src) {
  backward(kernels().activation.exponential_backward, n, dst, diff_dst, diff_src);
}

}  // namespace cnnx
