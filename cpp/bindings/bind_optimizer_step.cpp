#include "array_view.hpp"
#include "cnnx/optimizer_step.hpp"

namespace cnnx::bindings {

void bind_optimizer_step(py::module_& m) {
  m.def(
      "sgd_step",
      [](py::array& params, const py::array& grads, OptionalArray& velocity, float learning_rate,
         float momentum, bool nesterov) {
        const Arguments args("sgd_step");
        const auto [n] = args.shape<1>(params, "params");
        float* p = args.output<float>(params, "params", {n});
        const float* g = args.input<float>(grads, "grads", {n});
        float* v = args.output<float>(velocity, "velocity", {n});
        const GilRelease release;  // the arrays are held by the caller's frame
        sgd_step(n, learning_rate, momentum, nesterov, g, v, p);
      },
      py::arg("params"), py::arg("grads"), py::arg("velocity"), py::arg("learning_rate"),
      py::arg("momentum"), py::arg("nesterov"));
  m.def(
      "adam_step",
      [](py::array& params, const py::array& grads, py::array& m, py::array& v, float learning_rate,
         float beta_1, float beta_2, float epsilon, int64_t step) {
        const Arguments args("adam_step");
        const auto [n] = args.shape<1>(params, "params");
        args.require(step >= 1, "step", "must count from 1, got " + std::to_string(step));
        float* p = args.output<float>(params, "params", {n});
        const float* g = args.input<float>(grads, "grads", {n});
        float* first = args.output<float>(m, "m", {n});
        float* second = args.output<float>(v, "v", {n});
        const GilRelease release;
        adam_step(n, learning_rate, beta_1, beta_2, epsilon, step, g, first, second, p);
      },
      py::arg("params"), py::arg("grads"), py::arg("m"), py::arg("v"), py::arg("learning_rate"),
      py::arg("beta_1"), py::arg("beta_2"), py::arg("epsilon"), py::arg("step"));
}

}  // namespace cnnx::bindings
