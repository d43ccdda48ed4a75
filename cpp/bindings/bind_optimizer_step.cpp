#include "array_view.hpp"
#include "cnnx/optimizer_step.hpp"

namespace cnnx::bindings {
namespace {

// The flat arrays of a step: n parameters and gradients, and the state beside them.
class Flat {
 public:
  Flat(const char* operation, py::array& params, const py::array& grads)
      : args_(operation),
        n(args_.shape<1>(params, "params")[0]),
        params(args_.output<float>(params, "params", {n})),
        grads(args_.input<float>(grads, "grads", {n})) {}

  template <typename Array>  // that may be an OptionalArray
  float* state(Array& array, const char* name) const {
    return args_.output<float>(array, name, {n});
  }
  // Steps count from 1.
  void count(int64_t step) const {
    args_.require(step >= 1, "step", "must count from 1, got " + std::to_string(step));
  }
  template <typename Work>
  void run(Work work) const {
    args_.run(work);
  }

 private:
  Arguments args_;

 public:
  const int64_t n;
  float* const params;
  const Source<float> grads;
};

}  // namespace

void bind_optimizer_step(py::module_& m) {
  m.def(
      "sgd_step",
      [](py::array& params, const py::array& grads, OptionalArray& velocity, float learning_rate,
         float momentum, bool nesterov) {
        const Flat flat("sgd_step", params, grads);
        float* const v = flat.state(velocity, "velocity");
        flat.run([=, n = flat.n, g = flat.grads, p = flat.params] {
          sgd_step(n, learning_rate, momentum, nesterov, g, v, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("velocity"), py::arg("learning_rate"),
      py::arg("momentum"), py::arg("nesterov"));
  m.def(
      "momentum_step",
      [](py::array& params, const py::array& grads, py::array& velocity, float learning_rate,
         float momentum, float grad_share) {
        const Flat flat("momentum_step", params, grads);
        float* const v = flat.state(velocity, "velocity");
        flat.run([=, n = flat.n, g = flat.grads, p = flat.params] {
          momentum_step(n, learning_rate, momentum, grad_share, g, v, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("velocity"), py::arg("learning_rate"),
      py::arg("momentum"), py::arg("grad_share"));
  m.def(
      "rms_step",
      [](py::array& params, const py::array& grads, py::array& squares, OptionalArray& mean,
         OptionalArray& velocity, float learning_rate, float kept, float added, float inner_epsilon,
         float outer_epsilon, float momentum) {
        const Flat flat("rms_step", params, grads);
        float* const s = flat.state(squares, "squares");
        float* const a = flat.state(mean, "mean");
        float* const v = flat.state(velocity, "velocity");
        const RmsRule rule = {.learning_rate = learning_rate,
                              .kept = kept,
                              .added = added,
                              .inner_epsilon = inner_epsilon,
                              .outer_epsilon = outer_epsilon,
                              .momentum = momentum};
        flat.run(
            [=, n = flat.n, g = flat.grads, p = flat.params] { rms_step(n, rule, g, s, a, v, p); });
      },
      py::arg("params"), py::arg("grads"), py::arg("squares"), py::arg("mean"), py::arg("velocity"),
      py::arg("learning_rate"), py::arg("kept"), py::arg("added"), py::arg("inner_epsilon"),
      py::arg("outer_epsilon"), py::arg("momentum"));
  m.def(
      "adam_step",
      [](py::array& params, const py::array& grads, py::array& m, py::array& v, OptionalArray& peak,
         float learning_rate, float beta_1, float beta_2, float epsilon, int64_t step) {
        const Flat flat("adam_step", params, grads);
        flat.count(step);
        float* const first = flat.state(m, "m");
        float* const second = flat.state(v, "v");
        float* const largest = flat.state(peak, "peak");
        const AdamRule rule = {learning_rate, beta_1, beta_2, epsilon};
        flat.run([=, n = flat.n, g = flat.grads, p = flat.params] {
          adam_step(n, rule, step, g, first, second, largest, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("m"), py::arg("v"), py::arg("peak"),
      py::arg("learning_rate"), py::arg("beta_1"), py::arg("beta_2"), py::arg("epsilon"),
      py::arg("step"));
  m.def(
      "nadam_step",
      [](py::array& params, const py::array& grads, py::array& m, py::array& v, float learning_rate,
         float beta_1, float beta_2, float epsilon, float m_share, float grad_share, int64_t step) {
        const Flat flat("nadam_step", params, grads);
        flat.count(step);
        float* const first = flat.state(m, "m");
        float* const second = flat.state(v, "v");
        const AdamRule rule = {learning_rate, beta_1, beta_2, epsilon};
        flat.run([=, n = flat.n, g = flat.grads, p = flat.params] {
          nadam_step(n, rule, m_share, grad_share, step, g, first, second, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("m"), py::arg("v"), py::arg("learning_rate"),
      py::arg("beta_1"), py::arg("beta_2"), py::arg("epsilon"), py::arg("m_share"),
      py::arg("grad_share"), py::arg("step"));
  m.def(
      "adamax_step",
      [](py::array& params, const py::array& grads, py::array& m, py::array& u, float learning_rate,
         float beta_1, float beta_2, float epsilon, int64_t step) {
        const Flat flat("adamax_step", params, grads);
        flat.count(step);
        float* const first = flat.state(m, "m");
        float* const largest = flat.state(u, "u");
        const AdamRule rule = {learning_rate, beta_1, beta_2, epsilon};
        flat.run([=, n = flat.n, g = flat.grads, p = flat.params] {
          adamax_step(n, rule, step, g, first, largest, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("m"), py::arg("u"), py::arg("learning_rate"),
      py::arg("beta_1"), py::arg("beta_2"), py::arg("epsilon"), py::arg("step"));
  m.def(
      "adadelta_step",
      [](py::array& params, const py::array& grads, py::array& squares, py::array& moves,
         float learning_rate, float rho, float epsilon) {
        const Flat flat("adadelta_step", params, grads);
        float* const s = flat.state(squares, "squares");
        float* const d = flat.state(moves, "moves");
        flat.run([=, n = flat.n, g = flat.grads, p = flat.params] {
          adadelta_step(n, learning_rate, rho, epsilon, g, s, d, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("squares"), py::arg("moves"),
      py::arg("learning_rate"), py::arg("rho"), py::arg("epsilon"));
  m.def(
      "lion_step",
      [](py::array& params, const py::array& grads, py::array& m, float learning_rate, float beta_1,
         float beta_2) {
        const Flat flat("lion_step", params, grads);
        float* const first = flat.state(m, "m");
        flat.run([=, n = flat.n, g = flat.grads, p = flat.params] {
          lion_step(n, learning_rate, beta_1, beta_2, g, first, p);
        });
      },
      py::arg("params"), py::arg("grads"), py::arg("m"), py::arg("learning_rate"),
      py::arg("beta_1"), py::arg("beta_2"));
}

}  // namespace cnnx::bindings
