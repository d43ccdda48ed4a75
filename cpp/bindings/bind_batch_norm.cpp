#include "array_view.hpp"
#include "bind_activation.hpp"
#include "cnnx/batch_norm.hpp"

namespace cnnx::bindings {
namespace {

// Images if they are pooled, else rows of any shape.
BatchNormDims make_dims(const Arguments& args, const py::array& src, bool pooled) {
  args.require(src.size() > 0, "src", "must not be empty");
  if (pooled) {
    const auto [mb, h, w, c] = args.shape<4>(src, "src");
    return {mb, h, w, c};
  }
  const int64_t c = src.ndim() == 0 ? 1 : src.shape(src.ndim() - 1);
  return {src.size() / c, 1, 1, c};
}

std::vector<int64_t> dst_shape(const BatchNormDims& dims, const py::array& src, bool pooled) {
  if (!pooled) return shape_of(src);
  return {dims.mb, dims.h / 2, dims.w / 2, dims.c};
}

// An epilogue whose addend a program may read anew in each run.
struct EpilogueSource {
  Source<float> addend;
  Activation activation;
  bool pool;
  uint8_t* codes;
  operator Epilogue() const {
    return {addend, activation, pool ? Pooling::squares : Pooling::none, codes};
  }
};

EpilogueSource make_epilogue(const Arguments& args, const BatchNormDims& dims, const py::array& src,
                             const py::array& dst, const NamedActivation& activation, bool pool,
                             OptionalArray& codes, const OptionalArray& addend) {
  args.require(pool || !codes, "codes", "need pool");
  args.require(!pool || !addend, "addend", "cannot be added before pooling");
  if (pool) args.apart(dst, "dst", src);
  if (addend) args.apart(dst, "dst", *addend);
  return {.addend = args.input<float>(addend, "addend", shape_of(src)),
          .activation = activation_of(args, activation),
          .pool = pool,
          .codes = args.output<uint8_t>(codes, "codes", dst_shape(dims, src, pool))};
}

}  // namespace

void bind_batch_norm(py::module_& m) {
  m.def(
      "batch_norm_forward_training",
      [](const py::array& src, const OptionalArray& gamma, const OptionalArray& beta,
         py::array& dst, py::array& mean, py::array& inv_std, py::array& moving_mean,
         py::array& moving_variance, float epsilon, float momentum,
         const NamedActivation& activation, bool pool, OptionalArray& codes,
         const OptionalArray& addend) {
        const Arguments args("batch_norm_forward_training");
        const BatchNormDims dims = make_dims(args, src, pool);
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto g = args.input<float>(gamma, "gamma", {dims.c});
        const auto b = args.input<float>(beta, "beta", {dims.c});
        float* d = args.output<float>(dst, "dst", dst_shape(dims, src, pool));
        float* mean_data = args.output<float>(mean, "mean", {dims.c});
        float* inv_std_data = args.output<float>(inv_std, "inv_std", {dims.c});
        float* moving_m = args.output<float>(moving_mean, "moving_mean", {dims.c});
        float* moving_v = args.output<float>(moving_variance, "moving_variance", {dims.c});
        const EpilogueSource epilogue =
            make_epilogue(args, dims, src, dst, activation, pool, codes, addend);
        args.run([=] {
          batch_norm_forward_training(dims, s, {g, b}, epsilon, epilogue, d, mean_data,
                                      inv_std_data, {momentum, moving_m, moving_v});
        });
      },
      py::arg("src"), py::arg("gamma"), py::arg("beta"), py::arg("dst"), py::arg("mean"),
      py::arg("inv_std"), py::arg("moving_mean"), py::arg("moving_variance"), py::arg("epsilon"),
      py::arg("momentum"), py::arg("activation") = "linear", py::arg("pool") = false,
      py::arg("codes") = py::none(), py::arg("addend") = py::none());
  m.def(
      "batch_norm_statistics",
      [](const py::array& src, const OptionalArray& gamma, const OptionalArray& beta,
         py::array& columns, py::array& inv_std, py::array& moving_mean, py::array& moving_variance,
         float epsilon, float momentum) {
        const Arguments args("batch_norm_statistics");
        const BatchNormDims dims = make_dims(args, src, false);
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto g = args.input<float>(gamma, "gamma", {dims.c});
        const auto b = args.input<float>(beta, "beta", {dims.c});
        float* mean = args.output<float>(columns, "columns", {3, dims.c});
        float* inv_std_data = args.output<float>(inv_std, "inv_std", {dims.c});
        float* moving_m = args.output<float>(moving_mean, "moving_mean", {dims.c});
        float* moving_v = args.output<float>(moving_variance, "moving_variance", {dims.c});
        args.run([=] {
          batch_norm_statistics(dims, s, {g, b}, epsilon, mean, inv_std_data, mean + dims.c,
                                mean + 2 * dims.c, {momentum, moving_m, moving_v});
        });
      },
      py::arg("src"), py::arg("gamma"), py::arg("beta"), py::arg("columns"), py::arg("inv_std"),
      py::arg("moving_mean"), py::arg("moving_variance"), py::arg("epsilon"), py::arg("momentum"));
  m.def(
      "batch_norm_recompute",
      [](const py::array& src, const OptionalArray& gamma, const OptionalArray& beta,
         const py::array& mean, const py::array& inv_std, py::array& dst,
         const NamedActivation& activation, const OptionalArray& addend) {
        const Arguments args("batch_norm_recompute");
        const BatchNormDims dims = make_dims(args, src, false);
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto g = args.input<float>(gamma, "gamma", {dims.c});
        const auto b = args.input<float>(beta, "beta", {dims.c});
        const auto mean_data = args.input<float>(mean, "mean", {dims.c});
        const auto inv_std_data = args.input<float>(inv_std, "inv_std", {dims.c});
        float* d = args.output<float>(dst, "dst", shape_of(src));
        OptionalArray codes;
        const EpilogueSource epilogue =
            make_epilogue(args, dims, src, dst, activation, false, codes, addend);
        args.run(
            [=] { batch_norm_recompute(dims, s, {g, b}, mean_data, inv_std_data, epilogue, d); });
      },
      py::arg("src"), py::arg("gamma"), py::arg("beta"), py::arg("mean"), py::arg("inv_std"),
      py::arg("dst"), py::arg("activation") = "linear", py::arg("addend") = py::none());
  m.def(
      "batch_norm_forward_inference",
      [](const py::array& src, const OptionalArray& gamma, const OptionalArray& beta,
         const py::array& moving_mean, const py::array& moving_variance, py::array& dst,
         float epsilon, const NamedActivation& activation, bool pool, const OptionalArray& addend) {
        const Arguments args("batch_norm_forward_inference");
        const BatchNormDims dims = make_dims(args, src, pool);
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto g = args.input<float>(gamma, "gamma", {dims.c});
        const auto b = args.input<float>(beta, "beta", {dims.c});
        const auto moving_m = args.input<float>(moving_mean, "moving_mean", {dims.c});
        const auto moving_v = args.input<float>(moving_variance, "moving_variance", {dims.c});
        float* d = args.output<float>(dst, "dst", dst_shape(dims, src, pool));
        OptionalArray codes;
        const EpilogueSource epilogue =
            make_epilogue(args, dims, src, dst, activation, pool, codes, addend);
        args.run(BatchNormForwardInference{dims, s, g, b, moving_m, moving_v, epilogue.addend,
                                           epsilon, epilogue.activation, pool, d});
      },
      py::arg("src"), py::arg("gamma"), py::arg("beta"), py::arg("moving_mean"),
      py::arg("moving_variance"), py::arg("dst"), py::arg("epsilon"),
      py::arg("activation") = "linear", py::arg("pool") = false, py::arg("addend") = py::none());
  m.def(
      "batch_norm_backward_from_sums",
      [](const py::array& src, const py::array& diff_dst, const py::array& columns,
         const NamedActivation& activation, const py::array& inv_std, py::array& sums,
         OptionalArray& diff_src, OptionalArray& diff_gamma, OptionalArray& diff_beta) {
        const Arguments args("batch_norm_backward_from_sums");
        const BatchNormDims dims = make_dims(args, src, false);
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto dd = args.input<float>(diff_dst, "diff_dst", shape_of(src));
        const auto mean = args.input<float>(columns, "columns", {3, dims.c});
        const Activation of_dst = rectifier_of(args, activation);
        const auto inv_std_data = args.input<float>(inv_std, "inv_std", {dims.c});
        float* sums_data = args.output<float>(sums, "sums", {2, dims.c});
        float* ds = args.output<float>(diff_src, "diff_src", shape_of(src));
        float* dg = args.output<float>(diff_gamma, "diff_gamma", {dims.c});
        float* db = args.output<float>(diff_beta, "diff_beta", {dims.c});
        args.run([=] {
          const float* const first = mean;
          batch_norm_backward_from_sums(dims, s, dd,
                                        {first, first + dims.c, first + 2 * dims.c, of_dst},
                                        inv_std_data, sums_data, sums_data + dims.c, {ds, dg, db});
        });
      },
      py::arg("src"), py::arg("diff_dst"), py::arg("columns"), py::arg("activation"),
      py::arg("inv_std"), py::arg("sums"), py::arg("diff_src"), py::arg("diff_gamma"),
      py::arg("diff_beta"));
  m.def(
      "batch_norm_backward",
      [](const py::array& src, const py::array& diff_dst, const OptionalArray& gamma,
         const py::array& mean, const py::array& inv_std, OptionalArray& diff_src,
         OptionalArray& diff_gamma, OptionalArray& diff_beta, const NamedActivation& activation,
         const OptionalArray& beta, const OptionalArray& codes, const OptionalArray& dst,
         OptionalArray& diff_addend) {
        const Arguments args("batch_norm_backward");
        const BatchNormDims dims = make_dims(args, src, codes.has_value());
        const std::vector<int64_t> pooled = dst_shape(dims, src, codes.has_value());
        const auto s = args.input<float>(src, "src", shape_of(src));
        const auto dd = args.input<float>(diff_dst, "diff_dst", pooled);
        const auto codes_data = args.input<uint8_t>(codes, "codes", pooled);
        const auto g = args.input<float>(gamma, "gamma", {dims.c});
        const auto b = args.input<float>(beta, "beta", {dims.c});
        const auto mean_data = args.input<float>(mean, "mean", {dims.c});
        const auto inv_std_data = args.input<float>(inv_std, "inv_std", {dims.c});
        float* ds = args.output<float>(diff_src, "diff_src", shape_of(src));
        float* dg = args.output<float>(diff_gamma, "diff_gamma", {dims.c});
        float* db = args.output<float>(diff_beta, "diff_beta", {dims.c});
        if (codes && diff_src) args.apart(*diff_src, "diff_src", diff_dst);
        const Activation of_dst = activation_of(args, activation);
        args.require(!dst || !codes, "dst",
                     "of an addend and the codes of a pooling exclude each other");
        args.require(!diff_addend || dst, "diff_addend", "needs dst");
        if (diff_addend) {
          for (const OptionalArray& other : {OptionalArray(src), dst, diff_src}) {
            if (other) args.apart(*diff_addend, "diff_addend", *other);
          }
          if (diff_addend->data() != diff_dst.data()) {
            args.apart(*diff_addend, "diff_addend", diff_dst);
          }
        }
        const auto d = args.input<float>(dst, "dst", shape_of(src));
        float* da = args.output<float>(diff_addend, "diff_addend", shape_of(src));
        args.run([=] {
          batch_norm_backward(dims, s, {dd, codes_data}, of_dst, {g, b}, mean_data, inv_std_data,
                              {ds, dg, db}, {d, da});
        });
      },
      py::arg("src"), py::arg("diff_dst"), py::arg("gamma"), py::arg("mean"), py::arg("inv_std"),
      py::arg("diff_src"), py::arg("diff_gamma"), py::arg("diff_beta"),
      py::arg("activation") = "linear", py::arg("beta") = py::none(), py::arg("codes") = py::none(),
      py::arg("dst") = py::none(), py::arg("diff_addend") = py::none());
}

}  // namespace cnnx::bindings
