// Portable: whatever vectors the compiler's baseline has (SSE2 on x86-64, NEON on aarch64).
#define CNNX_VECTOR_FLOATS 4
#include "kernels/activation_kernels.hpp"
#include "kernels/batch_norm_kernels.hpp"
#include "kernels/bias_kernels.hpp"
#include "kernels/conv_microkernel.hpp"
#include "kernels/depthwise_microkernel.hpp"
#include "kernels/dot_kernel.hpp"
#include "kernels/dropout_kernels.hpp"
#include "kernels/elementwise_loss_kernels.hpp"
#include "kernels/gemm_microkernel.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/loss_kernels.hpp"
#include "kernels/merging_kernels.hpp"
#include "kernels/norm_kernels.hpp"
#include "kernels/optimizer_kernels.hpp"
#include "kernels/pool_kernels.hpp"
#include "kernels/row_loss_kernels.hpp"
#include "kernels/row_norm_kernels.hpp"
#include "kernels/row_winograd_kernels.hpp"
#include "kernels/softmax_kernels.hpp"
#include "kernels/stretch_kernels.hpp"
#include "kernels/stride2_kernels.hpp"
#include "kernels/transpose_kernel.hpp"
#include "kernels/winograd_kernels.hpp"

namespace cnnx {

const KernelTable ref_kernels = {
    .name = "ref",
    .gemm_wide = gemm_tile_of<6, 2>(96, 256, 512),
    .gemm_narrow = gemm_tile_of<8, 1>(96, 256, 512),
    .dot = dot,
    .transpose = transpose,
    .tile_times = {.loads_a_product = 2, .accumulators = 8},
    .conv = {conv_tile_of<6, 2>(), conv_tile_of<6, 2>(), conv_tile_of<8, 1>(),
             conv_tile_of<4, 2, 3>(), conv_tile_of<5, 2, 2>(), conv_tile_of<10, 1, 2>(),
             conv_tile_of<10, 1, 3>(), conv_tile_of<9, 1, 5>()},
    .conv_weights = {conv_weights_tile_of<1, 1, 6, 2>(), conv_weights_tile_of<1, 1, 8, 1>(),
                     conv_weights_tile_of<1, 3, 4, 1>(), conv_weights_tile_of<1, 5, 2, 1>(),
                     conv_weights_tile_of<3, 3, 1, 1>(), conv_weights_tile_of<1, 2, 6, 1>(),
                     conv_weights_tile_of<5, 1, 2, 1>(), conv_weights_tile_of<3, 1, 4, 1>(),
                     conv_weights_tile_of<5, 1, 1, 2>(), conv_weights_tile_of<3, 1, 2, 2>(),
                     conv_weights_tile_of<2, 2, 2, 1>()},
    .winograd = winograd_kernels,
    .stride2 = stride2_kernels,
    .row_winograd = {row_winograd_of<3>(), row_winograd_of<5>()},
    .depthwise = depthwise_kernels,
    .merging = merging_kernels,
    .activation = activation_kernels,
    .softmax = softmax_kernels,
    .loss = loss_kernels,
    .row_loss = row_loss_kernels,
    .elementwise_loss = elementwise_loss_kernels,
    .pool = pool_kernels,
    .pool2x2 = pool2x2_kernels,
    .batch_norm = batch_norm_kernels,
    .row_norm = row_norm_kernels,
    .bias = bias_kernels,
    .dropout = dropout,
    .gaussian_dropout = gaussian_dropout,
    .norm = norm_kernels,
    .optimizer = optimizer_kernels,
    .stretch = stretch_kernels,
};

}  // namespace cnnx
