// One step of each optimizer over the parameters of a small and of a large network.
#include <string>

#include "cnnx/optimizer_step.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

// step(grads, first, second, params), with `states` arrays of state, each read and written.
template <typename Step>
void add_optimizer(const std::string& name, int64_t n, int states, Step step) {
  const Work work{.bytes = 4.0 * (3 + 2 * states) * static_cast<double>(n)};
  add_rows("optimizer/" + name + "/" + std::to_string(n), work, [=] {
    return [=, grads = random_floats(n, 1), first = Floats(n), second = Floats(n),
            params = random_floats(n, 2)]() mutable {
      step(grads.data(), first.data(), second.data(), params.data());
    };
  });
}

const bool added = [] {
  for (const int64_t n : {22'000, 1'270'000}) {
    add_optimizer("sgd", n, 0, [=](const float* grads, float*, float*, float* params) {
      sgd_step(n, 1e-6f, 0.0f, false, grads, nullptr, params);
    });
    add_optimizer("sgd_momentum", n, 1, [=](const float* grads, float* v, float*, float* params) {
      sgd_step(n, 1e-6f, 0.9f, false, grads, v, params);
    });
    add_optimizer("rms", n, 1, [=](const float* grads, float* squares, float*, float* params) {
      const RmsRule rule{.learning_rate = 1e-6f,
                         .kept = 0.9f,
                         .added = 0.1f,
                         .inner_epsilon = 0.0f,
                         .outer_epsilon = 1e-7f,
                         .momentum = 0.0f};
      rms_step(n, rule, grads, squares, nullptr, nullptr, params);
    });
    add_optimizer("adam", n, 2, [=](const float* grads, float* m, float* v, float* params) {
      const AdamRule rule{
          .learning_rate = 1e-6f, .beta_1 = 0.9f, .beta_2 = 0.999f, .epsilon = 1e-7f};
      adam_step(n, rule, 1, grads, m, v, nullptr, params);
    });
  }
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
