#pragma once

#include "kernels/activation_table.hpp"
#include "kernels/bias_table.hpp"
#include "kernels/conv_table.hpp"
#include "kernels/depthwise_table.hpp"
#include "kernels/dropout_table.hpp"
#include "kernels/gemm_table.hpp"
#include "kernels/loss_table.hpp"
#include "kernels/merging_table.hpp"
#include "kernels/norm_table.hpp"
#include "kernels/normalization_table.hpp"
#include "kernels/optimizer_table.hpp"
#include "kernels/pool_table.hpp"
#include "kernels/softmax_table.hpp"
#include "kernels/stretch_table.hpp"
#include "kernels/winograd_table.hpp"

// The one interface between the operations and an instruction set. Kernel objects are islands: they
// include nothing but <cstdint> and the headers beside this one, keep all else in an anonymous
// namespace, and export one table.

namespace cnnx {

constexpr int kOneStepTiles = 3, kOneRunTiles = 2;

struct KernelTable {
  const char* name;
  GemmTile gemm_wide;    // for n > gemm_narrow.nr
  GemmTile gemm_narrow;  // for few output columns
  Dot dot;
  Transpose transpose;
  TileTimes tile_times;
  ConvTile conv[8];                  // kOneStepTiles of one step first, from wide to narrow
  ConvWeightsTile conv_weights[11];  // kOneRunTiles of one run and one step first: two vectors, one
  WinogradKernels winograd;
  Stride2Kernels stride2;
  RowWinogradKernels row_winograd[2];  // of 3 taps and of 5
  DepthwiseKernels depthwise;
  MergingKernels merging;
  ActivationKernels activation;
  SoftmaxKernels softmax;
  LossKernels loss;
  RowLossKernels row_loss;
  ElementwiseLossKernels elementwise_loss;
  PoolKernels pool;
  Pool2x2Kernels pool2x2;
  BatchNormKernels batch_norm;
  RowNormKernels row_norm;
  BiasKernels bias;
  DropoutKernel dropout;
  GaussianDropoutKernel gaussian_dropout;
  NormKernels norm;
  OptimizerKernels optimizer;
  StretchKernels stretch;
};

// The table in use.
const KernelTable& kernels();

extern const KernelTable ref_kernels;
#ifdef CNNX_X86_64
extern const KernelTable avx2_kernels;
extern const KernelTable avx512_kernels;
#elif defined(CNNX_AARCH64)
extern const KernelTable neon_kernels;
#endif

}  // namespace cnnx
