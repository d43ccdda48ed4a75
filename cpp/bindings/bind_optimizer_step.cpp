#include "array_view.hpp"
#include "cnnx/optimizer_step.hpp"

namespace cnnx::bindings {

void bind_optimizer_step(py::module_& m) {
  m.def(
      "sgd_step",
      [](py::array& params, const py::array& grads, OptionalArray& velocity, float learning_rate,
         float momentum, bool nesterov) {
        const Arguments args("sgd_step");
        const int64_t n = args.shape<1>(params, "params")[0];
        float* p = args.output<float>(params, "params", {n});
        const auto g = args.input<float>(grads, "grads", {n});
        float* v = args.output<float>(velocity, "velocity", {n});
        args.run([=] { sgd_step(n, learning_rate, momentum, nesterov, g, v, p); });
      },
      py::arg("params"), py::arg("grads"), py::arg("velocity"), py::arg("learning_rate"),
      py::arg("momentum"), py::arg("nesterov"));
  m.def(
      "adam_step",
      [](py::array& params, const py::array& grads, py::array& m, py::array& v, float learning_rate,
         float beta_1, float beta_2, float epsilon, float weight_decay, int64_t step) {
        const Arguments args("adam_step");
        const int64_t n = args.shape<1>(params, "params")[0];
        args.require(step >= 1, "step", "must count from 1, got " + std::to_string(step));
        float* p = args.output<float>(params, "params", {n});
        const auto g = args.input<float>(grads, "grads", {n});
        float* first = args.output<float>(m, "m", {n});
        float* second = args.output<float>(v, "v", {n});
        args.run([=] {
          adam_step(n, learning_rate, beta_1, beta_2, epsilon, weight_decay, step, g, first, second,
                    p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("m"), py::arg("v"), py::arg("learning_rate"),
      py::arg("beta_1"), py::arg("beta_2"), py::arg("epsilon"), py::arg("weight_decay"),
      py::arg("step"));
  m.def(
      "nadam_step",
      [](py::array& params, const py::array& grads, py::array& m, py::array& v, float learning_rate,
         float beta_1, float beta_2, float epsilon, float m_share, float grad_share, int64_t step) {
        const Arguments args("nadam_step");
        const int64_t n = args.shape<1>(params, "params")[0];
        args.require(step >= 1, "step", "must count from 1, got " + std::to_string(step));
        float* p = args.output<float>(params, "params", {n});
        const auto g = args.input<float>(grads, "grads", {n});
        float* first = args.output<float>(m, "m", {n});
        float* second = args.output<float>(v, "v", {n});
        args.run([=] {
          nadam_step(n, learning_rate, beta_1, beta_2, epsilon, m_share, grad_share, step, g, first,
                     second, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("m"), py::arg("v"), py::arg("learning_rate"),
      py::arg("beta_1"), py::arg("beta_2"), py::arg("epsilon"), py::arg("m_share"),
      py::arg("grad_share"), py::arg("step"));
  m.def(
      "momentum_step",
      [](py::array& params, const py::array& grads, py::array& velocity, float learning_rate,
         float momentum, float grad_share) {
        const Arguments args("momentum_step");
        const int64_t n = args.shape<1>(params, "params")[0];
        float* p = args.output<float>(params, "params", {n});
        const auto g = args.input<float>(grads, "grads", {n});
        float* v = args.output<float>(velocity, "velocity", {n});
        args.run([=] { momentum_step(n, learning_rate, momentum, grad_share, g, v, p); });
      },
      py::arg("params"), py::arg("grads"), py::arg("velocity"), py::arg("learning_rate"),
      py::arg("momentum"), py::arg("grad_share"));
  m.def(
      "rms_step",
      [](py::array& params, const py::array& grads, py::array& squares, float learning_rate,
         float kept, float added, float inner_epsilon, float outer_epsilon) {
        const Arguments args("rms_step");
        const int64_t n = args.shape<1>(params, "params")[0];
        float* p = args.output<float>(params, "params", {n});
        const auto g = args.input<float>(grads, "grads", {n});
        float* s = args.output<float>(squares, "squares", {n});
        args.run([=] {
          rms_step(n, learning_rate, kept, added, inner_epsilon, outer_epsilon, g, s, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("squares"), py::arg("learning_rate"),
      py::arg("kept"), py::arg("added"), py::arg("inner_epsilon"), py::arg("outer_epsilon"));
}

}  // namespace cnnx::bindings
