// NEON of 64-bit ARM, 32 registers.
#define CNNX_VECTOR_FLOATS 4
#define CNNX_NEON
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

const KernelTable neon_kernels = {
    .name = "neon",
    // Sums, vectors of b and the floats of a that GCC loads together fill the registers.
    .gemm_wide = gemm_tile_of<5, 4>(120, 256, 1024),
    .gemm_narrow = gemm_tile_of<8, 2>(120, 256, 1024),
    .dot = dot,
    .transpose = transpose,
    // Not measured: what the guides of most cores say.
    .tile_times = {.loads_a_product = 1, .accumulators = 8},
    .conv = {conv_tile_of<5, 4>(), conv_tile_of<7, 3>(), conv_tile_of<14, 1>(),
             conv_tile_of<9, 2, 3>(), conv_tile_of<8, 2, 5>(), conv_tile_of<14, 1, 2>(),
             conv_tile_of<14, 1, 3>(), conv_tile_of<14, 1, 5>()},
    .conv_weights = {conv_weights_tile_of<1, 1, 9, 2>(), conv_weights_tile_of<1, 1, 14, 1>(),
                     conv_weights_tile_of<1, 3, 3, 2>(), conv_weights_tile_of<1, 5, 2, 2>(),
                     conv_weights_tile_of<3, 3, 1, 2>(), conv_weights_tile_of<1, 2, 10, 1>(),
                     conv_weights_tile_of<1, 3, 7, 1>(), conv_weights_tile_of<1, 5, 4, 1>(),
                     conv_weights_tile_of<5, 3, 1, 1>(), conv_weights_tile_of<3, 5, 1, 1>(),
                     conv_weights_tile_of<3, 3, 1, 1>()},
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
