#include <algorithm>
#include <type_traits>

#include "array_view.hpp"
#include "cnnx/elementwise_loss.hpp"
#include "cnnx/loss.hpp"
#include "cnnx/row_loss.hpp"

// Dense targets are float32 (rows, n), labels int64 (rows,); Target is float or int64_t. The first
// and last argument's names differ: logits and diff_logits, probs and diff_probs, ...

namespace cnnx::bindings {
namespace {

template <typename Target>
using FusedForward = void (*)(const LossDims& dims, const float* logits, const Target* targets,
                              float* probs, float* losses);
template <typename Target>
using Forward = void (*)(const LossDims& dims, const float* outputs, const Target* targets,
                         float* losses);
template <typename Target>
using Backward = void (*)(const LossDims& dims, const float* outputs, const Target* targets,
                          const float* sample_weights, float scale, float* diff_outputs);

LossDims make_dims(const Arguments& args, const py::array& outputs, const char* name) {
  const auto [rows, n] = args.shape<2>(outputs, name);
  args.require(n > 0, name, "must have at least one column");
  return {rows, n};
}

template <typename Target>
constexpr const char* kTargets = "targets";
template <>
constexpr const char* kTargets<int64_t> = "labels";

// The kernels index with the labels.
Source<int64_t> check_labels(const Arguments& args, const py::array& labels, const LossDims& dims) {
  const auto source = args.input<int64_t>(labels, "labels", {dims.rows});
  const int64_t* const data = source;
  for (int64_t row = 0; row < dims.rows; ++row) {
    if (data[row] >= 0 && data[row] < dims.n) continue;
    args.require(false, "labels",
                 "must lie in [0, " + std::to_string(dims.n) + "), got " +
                     std::to_string(data[row]) + " in row " + std::to_string(row));
  }
  return source;
}

template <typename Target>
Source<Target> check_targets(const Arguments& args, const py::array& targets,
                             const LossDims& dims) {
  if constexpr (std::is_same_v<Target, int64_t>) {
    return check_labels(args, targets, dims);
  } else {
    return args.input<float>(targets, "targets", {dims.rows, dims.n});
  }
}

template <typename Target>
void def_fused_forward(py::module_& m, const char* name, FusedForward<Target> forward) {
  m.def(
      name,
      [name, forward](const py::array& logits, const py::array& targets, py::array& probs,
                      py::array& losses) {
        const Arguments args(name);
        const LossDims dims = make_dims(args, logits, "logits");
        const auto z = args.input<float>(logits, "logits", {dims.rows, dims.n});
        const auto t = check_targets<Target>(args, targets, dims);
        float* p = args.output<float>(probs, "probs", {dims.rows, dims.n});
        float* l = args.output<float>(losses, "losses", {dims.rows});
        args.run([=] { forward(dims, z, t, p, l); });
      },
      py::arg("logits"), py::arg(kTargets<Target>), py::arg("probs"), py::arg("losses"));
}

template <typename Target>
void def_forward(py::module_& m, const char* name, const char* outputs_name,
                 Forward<Target> forward) {
  m.def(
      name,
      [name, outputs_name, forward](const py::array& outputs, const py::array& targets,
                                    py::array& losses) {
        const Arguments args(name);
        const LossDims dims = make_dims(args, outputs, outputs_name);
        const auto y = args.input<float>(outputs, outputs_name, {dims.rows, dims.n});
        const auto t = check_targets<Target>(args, targets, dims);
        float* l = args.output<float>(losses, "losses", {dims.rows});
        args.run([=] { forward(dims, y, t, l); });
      },
      py::arg(outputs_name), py::arg(kTargets<Target>), py::arg("losses"));
}

template <typename Target>
void def_backward(py::module_& m, const char* name, const char* outputs_name, const char* diff_name,
                  Backward<Target> backward) {
  m.def(
      name,
      [=](const py::array& outputs, const py::array& targets, const OptionalArray& sample_weights,
          float scale, py::array& diff_outputs) {
        const Arguments args(name);
        const LossDims dims = make_dims(args, outputs, outputs_name);
        const auto y = args.input<float>(outputs, outputs_name, {dims.rows, dims.n});
        const auto t = check_targets<Target>(args, targets, dims);
        const auto w = args.input<float>(sample_weights, "sample_weights", {dims.rows});
        float* dy = args.output<float>(diff_outputs, diff_name, {dims.rows, dims.n});
        args.run([=] { backward(dims, y, t, w, scale, dy); });
      },
      py::arg(outputs_name), py::arg(kTargets<Target>), py::arg("sample_weights"), py::arg("scale"),
      py::arg(diff_name));
}

// The parameters that each kind must have, as its enum says.
ElementwiseLoss loss_of(const Arguments& args, const std::string& name,
                        const std::vector<float>& parameters, bool mean) {
  const auto kind = elementwise_loss_named(name);
  args.require(kind.has_value(), "loss", "must be the name of one, got '" + name + "'");
  const size_t wanted = *kind == ElementwiseLossKind::huber   ? 1
                        : *kind == ElementwiseLossKind::focal ? 3
                                                              : 0;
  args.require(parameters.size() == wanted, "parameters",
               "of '" + name + "' must be " + std::to_string(wanted) + " numbers");
  ElementwiseLoss loss{.kind = *kind, .mean = mean};
  std::copy(parameters.begin(), parameters.end(), loss.parameters);
  return loss;
}

using Name = const std::string&;
using Parameters = const std::vector<float>&;

void def_elementwise(py::module_& m) {
  m.def(
      "elementwise_loss_forward",
      [](Name loss, Parameters parameters, bool mean, const py::array& outputs,
         const py::array& targets, py::array& losses) {
        const Arguments args("elementwise_loss_forward");
        const ElementwiseLoss what = loss_of(args, loss, parameters, mean);
        const LossDims dims = make_dims(args, outputs, "outputs");
        const auto y = args.input<float>(outputs, "outputs", {dims.rows, dims.n});
        const auto t = check_targets<float>(args, targets, dims);
        float* l = args.output<float>(losses, "losses", {dims.rows});
        args.run([=] { elementwise_loss_forward(what, dims, y, t, l); });
      },
      py::arg("loss"), py::arg("parameters"), py::arg("mean"), py::arg("outputs"),
      py::arg("targets"), py::arg("losses"));
  m.def(
      "sigmoid_loss_forward",
      [](Name loss, Parameters parameters, bool mean, const py::array& logits,
         const py::array& targets, py::array& probs, py::array& losses) {
        const Arguments args("sigmoid_loss_forward");
        const ElementwiseLoss what = loss_of(args, loss, parameters, mean);
        const LossDims dims = make_dims(args, logits, "logits");
        const auto z = args.input<float>(logits, "logits", {dims.rows, dims.n});
        const auto t = check_targets<float>(args, targets, dims);
        float* p = args.output<float>(probs, "probs", {dims.rows, dims.n});
        float* l = args.output<float>(losses, "losses", {dims.rows});
        args.run([=] { sigmoid_loss_forward(what, dims, z, t, p, l); });
      },
      py::arg("loss"), py::arg("parameters"), py::arg("mean"), py::arg("logits"),
      py::arg("targets"), py::arg("probs"), py::arg("losses"));
  const auto def_backward_of = [&m](const char* name, const char* outputs_name,
                                    const char* diff_name, auto backward) {
    m.def(
        name,
        [=](Name loss, Parameters parameters, bool mean, const py::array& outputs,
            const py::array& targets, const OptionalArray& sample_weights, float scale,
            py::array& diff_outputs) {
          const Arguments args(name);
          const ElementwiseLoss what = loss_of(args, loss, parameters, mean);
          const LossDims dims = make_dims(args, outputs, outputs_name);
          const auto y = args.input<float>(outputs, outputs_name, {dims.rows, dims.n});
          const auto t = check_targets<float>(args, targets, dims);
          const auto w = args.input<float>(sample_weights, "sample_weights", {dims.rows});
          float* dy = args.output<float>(diff_outputs, diff_name, {dims.rows, dims.n});
          args.run([=] { backward(what, dims, y, t, w, scale, dy); });
        },
        py::arg("loss"), py::arg("parameters"), py::arg("mean"), py::arg(outputs_name),
        py::arg("targets"), py::arg("sample_weights"), py::arg("scale"), py::arg(diff_name));
  };
  def_backward_of("elementwise_loss_backward", "outputs", "diff_outputs",
                  elementwise_loss_backward);
  def_backward_of("sigmoid_loss_backward", "probs", "diff_logits", sigmoid_loss_backward);
}

// One alpha, or one for each class.
CategoricalFocal focal_of(const Arguments& args, float gamma, const py::array& alphas,
                          const LossDims& dims) {
  const bool one = alphas.size() == 1;
  return {gamma, args.input<float>(alphas, "alphas", {one ? 1 : dims.n}), one};
}

void def_focal(py::module_& m) {
  m.def(
      "categorical_focal_forward",
      [](float gamma, const py::array& alphas, const py::array& probs, const py::array& targets,
         py::array& losses) {
        const Arguments args("categorical_focal_forward");
        const LossDims dims = make_dims(args, probs, "probs");
        const CategoricalFocal focal = focal_of(args, gamma, alphas, dims);
        const auto p = args.input<float>(probs, "probs", {dims.rows, dims.n});
        const auto t = check_targets<float>(args, targets, dims);
        float* l = args.output<float>(losses, "losses", {dims.rows});
        args.run([=] { categorical_focal_forward(dims, focal, p, t, l); });
      },
      py::arg("gamma"), py::arg("alphas"), py::arg("probs"), py::arg("targets"), py::arg("losses"));
  m.def(
      "softmax_focal_forward",
      [](float gamma, const py::array& alphas, const py::array& logits, const py::array& targets,
         py::array& probs, py::array& losses) {
        const Arguments args("softmax_focal_forward");
        const LossDims dims = make_dims(args, logits, "logits");
        const CategoricalFocal focal = focal_of(args, gamma, alphas, dims);
        const auto z = args.input<float>(logits, "logits", {dims.rows, dims.n});
        const auto t = check_targets<float>(args, targets, dims);
        float* p = args.output<float>(probs, "probs", {dims.rows, dims.n});
        float* l = args.output<float>(losses, "losses", {dims.rows});
        args.run([=] { softmax_focal_forward(dims, focal, z, t, p, l); });
      },
      py::arg("gamma"), py::arg("alphas"), py::arg("logits"), py::arg("targets"), py::arg("probs"),
      py::arg("losses"));
  const auto def_backward_of = [&m](const char* name, const char* diff_name, auto backward) {
    m.def(
        name,
        [=](float gamma, const py::array& alphas, const py::array& probs, const py::array& targets,
            const OptionalArray& sample_weights, float scale, py::array& diff) {
          const Arguments args(name);
          const LossDims dims = make_dims(args, probs, "probs");
          const CategoricalFocal focal = focal_of(args, gamma, alphas, dims);
          const auto p = args.input<float>(probs, "probs", {dims.rows, dims.n});
          const auto t = check_targets<float>(args, targets, dims);
          const auto w = args.input<float>(sample_weights, "sample_weights", {dims.rows});
          float* d = args.output<float>(diff, diff_name, {dims.rows, dims.n});
          args.apart(diff, diff_name, probs);
          args.run([=] { backward(dims, focal, p, t, w, scale, d); });
        },
        py::arg("gamma"), py::arg("alphas"), py::arg("probs"), py::arg("targets"),
        py::arg("sample_weights"), py::arg("scale"), py::arg(diff_name));
  };
  def_backward_of("categorical_focal_backward", "diff_probs", categorical_focal_backward);
  def_backward_of("softmax_focal_backward", "diff_logits", softmax_focal_backward);
}

// The parameter q, in (0, 1].
void def_generalized(py::module_& m) {
  m.def(
      "generalized_cross_entropy_forward",
      [](float q, const py::array& probs, const py::array& labels, py::array& losses) {
        const Arguments args("generalized_cross_entropy_forward");
        const LossDims dims = make_dims(args, probs, "probs");
        const auto p = args.input<float>(probs, "probs", {dims.rows, dims.n});
        const auto t = check_labels(args, labels, dims);
        float* l = args.output<float>(losses, "losses", {dims.rows});
        args.run([=] { generalized_cross_entropy_forward(dims, q, p, t, l); });
      },
      py::arg("q"), py::arg("probs"), py::arg("labels"), py::arg("losses"));
  m.def(
      "generalized_cross_entropy_backward",
      [](float q, const py::array& probs, const py::array& labels,
         const OptionalArray& sample_weights, float scale, py::array& diff_probs) {
        const Arguments args("generalized_cross_entropy_backward");
        const LossDims dims = make_dims(args, probs, "probs");
        const auto p = args.input<float>(probs, "probs", {dims.rows, dims.n});
        const auto t = check_labels(args, labels, dims);
        const auto w = args.input<float>(sample_weights, "sample_weights", {dims.rows});
        float* d = args.output<float>(diff_probs, "diff_probs", {dims.rows, dims.n});
        args.run([=] { generalized_cross_entropy_backward(dims, q, p, t, w, scale, d); });
      },
      py::arg("q"), py::arg("probs"), py::arg("labels"), py::arg("sample_weights"),
      py::arg("scale"), py::arg("diff_probs"));
}

}  // namespace

void bind_loss(py::module_& m) {
  m.def(
      "are_shares",
      [](const py::array& targets) {
        const Arguments args("are_shares");
        const float* const t = args.input<float>(targets, "targets", shape_of(targets));
        bool result = false;
        args.run([=, n = targets.size(), &result] { result = are_shares(n, t); });
        return result;
      },
      py::arg("targets"));
  def_fused_forward<float>(m, "softmax_cross_entropy_forward", softmax_cross_entropy_forward);
  def_backward<float>(m, "softmax_cross_entropy_backward", "probs", "diff_logits",
                      softmax_cross_entropy_backward);
  def_fused_forward<int64_t>(m, "sparse_softmax_cross_entropy_forward",
                             sparse_softmax_cross_entropy_forward);
  def_backward<int64_t>(m, "sparse_softmax_cross_entropy_backward", "probs", "diff_logits",
                        sparse_softmax_cross_entropy_backward);
  def_fused_forward<float>(m, "sigmoid_cross_entropy_forward", sigmoid_cross_entropy_forward);
  def_backward<float>(m, "sigmoid_cross_entropy_backward", "probs", "diff_logits",
                      sigmoid_cross_entropy_backward);
  def_forward<float>(m, "categorical_cross_entropy_forward", "probs",
                     categorical_cross_entropy_forward);
  def_backward<float>(m, "categorical_cross_entropy_backward", "probs", "diff_probs",
                      categorical_cross_entropy_backward);
  def_forward<int64_t>(m, "sparse_categorical_cross_entropy_forward", "probs",
                       sparse_categorical_cross_entropy_forward);
  def_backward<int64_t>(m, "sparse_categorical_cross_entropy_backward", "probs", "diff_probs",
                        sparse_categorical_cross_entropy_backward);
  def_forward<float>(m, "binary_cross_entropy_forward", "probs", binary_cross_entropy_forward);
  def_backward<float>(m, "binary_cross_entropy_backward", "probs", "diff_probs",
                      binary_cross_entropy_backward);
  def_forward<float>(m, "cosine_loss_forward", "outputs", cosine_loss_forward);
  def_backward<float>(m, "cosine_loss_backward", "outputs", "diff_outputs", cosine_loss_backward);
  def_forward<float>(m, "categorical_hinge_forward", "outputs", categorical_hinge_forward);
  def_backward<float>(m, "categorical_hinge_backward", "outputs", "diff_outputs",
                      categorical_hinge_backward);
  def_focal(m);
  def_generalized(m);
  def_elementwise(m);
}

}  // namespace cnnx::bindings
