#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace cnnx::bindings {
void bind_activation(py::module_& m);
void bind_batch_norm(py::module_& m);
void bind_bias(py::module_& m);
void bind_borders2d(py::module_& m);
void bind_concatenation(py::module_& m);
void bind_conv2d(py::module_& m);
void bind_dense(py::module_& m);
void bind_dropout(py::module_& m);
void bind_gemm(py::module_& m);
void bind_loss(py::module_& m);
void bind_merging(py::module_& m);
void bind_norm(py::module_& m);
void bind_optimizer_step(py::module_& m);
void bind_permutation(py::module_& m);
void bind_picture_stretch(py::module_& m);
void bind_pictures(py::module_& m);
void bind_pool2d(py::module_& m);
void bind_program(py::module_& m);
void bind_resample2d(py::module_& m);
void bind_runtime(py::module_& m);
void bind_shared_sums(py::module_& m);
void bind_sample_norm(py::module_& m);
void bind_softmax(py::module_& m);
void bind_upsample2d(py::module_& m);
void bind_warp(py::module_& m);
}  // namespace cnnx::bindings

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "The C++ core of cnnx: arrays in, arrays out. Use cnnx.ops and cnnx.layers instead.";
  cnnx::bindings::bind_runtime(m);
  cnnx::bindings::bind_program(m);
  cnnx::bindings::bind_shared_sums(m);
  cnnx::bindings::bind_gemm(m);
  cnnx::bindings::bind_conv2d(m);
  cnnx::bindings::bind_permutation(m);
  cnnx::bindings::bind_pool2d(m);
  cnnx::bindings::bind_dense(m);
  cnnx::bindings::bind_bias(m);
  cnnx::bindings::bind_activation(m);
  cnnx::bindings::bind_sample_norm(m);
  cnnx::bindings::bind_softmax(m);
  cnnx::bindings::bind_batch_norm(m);
  cnnx::bindings::bind_dropout(m);
  cnnx::bindings::bind_warp(m);
  cnnx::bindings::bind_pictures(m);
  cnnx::bindings::bind_picture_stretch(m);
  cnnx::bindings::bind_merging(m);
  cnnx::bindings::bind_concatenation(m);
  cnnx::bindings::bind_borders2d(m);
  cnnx::bindings::bind_upsample2d(m);
  cnnx::bindings::bind_resample2d(m);
  cnnx::bindings::bind_loss(m);
  cnnx::bindings::bind_norm(m);
  cnnx::bindings::bind_optimizer_step(m);
}
