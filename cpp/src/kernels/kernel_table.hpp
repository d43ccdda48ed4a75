#pragma once

#include <cstdint>

// The one interface between the operations and an instruction set. Kernel objects are islands: they
// include nothing but this header, <cstdint> and the sources beside it, keep all else in an
// anonymous namespace, and export one table.

namespace cnnx {

constexpr int64_t kLineFloats = 16;  // a cache line

// A tile of c = a * b: a (rows, k) by its strides, b (k, cols) and c (rows, cols) with contiguous
// rows, bias (cols) or null, and whether c is added to.
struct GemmOperands {
  const float* a;
  int64_t a_row_stride, a_col_stride;
  const float* b;
  int64_t b_row_stride;
  const float* bias;
  float* c;
  int64_t c_row_stride;
  bool accumulate;
  const float* ahead;  // cache lines to fetch meanwhile, k at most
  int64_t ahead_lines;
};

// All arguments fit in registers: on the stack they would wait for the stores of the tile before.
using GemmMicrokernel = void (*)(int64_t k, const GemmOperands& operands, int64_t rows,
                                 int64_t cols);

// Register tile mr x nr and cache blocks: an a block (mc, kc) lives in L2, a b panel (kc, nr) in
// L1, a b block (kc, nc) in L3. mc is a multiple of mr, nc of nr.
struct GemmTile {
  GemmMicrokernel microkernel;
  int64_t mr, nr, mc, kc, nc;
};

// c (rows) = start + a (rows, k) times b (k), all contiguous.
using Dot = void (*)(int64_t rows, int64_t k, const float* a, const float* b, float start,
                     float* c);

// dst (cols, rows) = the transpose of src (rows, cols).
using Transpose = void (*)(int64_t rows, int64_t cols, const float* src, int64_t src_stride,
                           float* dst, int64_t dst_stride);

// What sums are clipped to when they are stored. NaNs stay.
struct Range {
  float least = -__builtin_inff(), most = __builtin_inff();

  bool is_bounded() const { return least > -__builtin_inff() || most < __builtin_inff(); }
};

// The input that one output pixel sees, as runs of contiguous floats at offsets from its first. The
// range bounds the sums over all of them; tiles of several steps know none. Before every
// kStretchFloats floats of a run but the last, so many cache lines of what is ahead are fetched.
constexpr int64_t kStretchFloats = 16;
struct ConvRuns {
  int64_t count, floats;
  const int64_t* offsets;
  Range range = {};
  const float* ahead = nullptr;
  int64_t ahead_lines = 0;
};

// dst (pixels, cols; row stride dst_stride) = the sum over all runs of src, pixel_stride floats
// further on for each pixel, times weights (count * floats, channels), packed and padded. Adds dst
// if accumulate is set, and bias (cols) unless it is null. More pixels than a register tile has
// take several, each of which fetches the same lines ahead.
using ConvMicrokernel = void (*)(const ConvRuns& runs, const float* src, int64_t pixel_stride,
                                 const float* weights, const float* bias, float* dst,
                                 int64_t dst_stride, int64_t pixels, int64_t cols, bool accumulate);

// Register tile: at most `pixels` of one output row by at most `channels` of its channels. With
// more than one step, for runs that are so many times as long as pixel_stride.
struct ConvTile {
  ConvMicrokernel microkernel;
  int64_t pixels, channels, steps;
};

// Rows of output pixels of some images, and where their input and their gradients lie. The
// gradients of a row follow those of the row before, of the same image or not. Cache lines `ahead`
// are fetched meanwhile.
struct ConvRows {
  int64_t images, count, pixels;
  int64_t src_image_stride, src_row_stride, src_stride;
  int64_t dst_row_stride, dst_stride;
  const float* ahead = nullptr;
  int64_t ahead_lines = 0;
};

// Some taps of the kernel: `taps` contiguous floats of src in each step of each run. The runs are
// run_stride floats apart in src and run_taps rows in diff_weights, the steps a pixel's src_stride
// and step_taps rows.
struct ConvTaps {
  int64_t taps, run_stride, run_taps, step_taps;
};

// diff_weights (taps of each run and step, cols; row stride ldw) += the sum over all pixels of the
// taps times `cols` of diff_dst.
using ConvWeightsMicrokernel = void (*)(const ConvRows& rows, const ConvTaps& taps,
                                        const float* src, const float* diff_dst,
                                        float* diff_weights, int64_t ldw, int64_t cols);

// Register tile: `runs` runs of `steps` steps of at most `taps` floats, by `channels` of diff_dst;
// for rows of at least `steps` pixels.
struct ConvWeightsTile {
  ConvWeightsMicrokernel microkernel;
  int64_t runs, steps, taps, channels;
};

// The taps of a kernel: `rows` rows of `count`, and how far apart they lie in src.
struct DepthwiseTaps {
  int64_t rows, count;
  int64_t row_stride, stride;
};

// Adjacent pixels of one output row and what they see of the image: `rows` rows of inputs, of which
// those in [begin, end) lie in it, and the weights of their taps. Outputs are written to the first
// `pixels` pixels. If the image is far away, the last rows_ahead rows fetch what lies src_ahead
// floats after them into the cache, and dst_ahead floats after the outputs.
struct DepthwiseTile {
  int64_t rows, begin, end, pixels, channels;
  int64_t src_row_stride, src_stride;
  int64_t weights_row_stride, weights_stride;
  int64_t dst_stride;
  int64_t rows_ahead, src_ahead, dst_ahead;
  Range range = {};  // of the outputs
};

// A row of `taps` taps, of which number t joins input j of a tile to output i if
// stride * i + t = spread * j - offset.
struct DepthwiseRow {
  int64_t taps, stride, spread, offset;
  // dst = bias, unless it is null, + the sum over all taps of src times weights
  void (*forward)(const DepthwiseTile& tile, const float* src, const float* weights,
                  const float* bias, float* dst);
  // diff_weights += the sum over all pixels of src times diff_dst; null with a spread
  void (*backward_weights)(const DepthwiseTile& tile, const float* src, const float* diff_dst,
                           float* diff_weights);
};

// Every channel has a kernel of its own. A vector holds `cols` <= lanes channels of one pixel, or
// all channels of several adjacent pixels; rows.pixels counts vectors.
struct DepthwiseKernels {
  int64_t lanes;
  // dst = bias (cols), unless it is null, + the sum over all taps of src times weights (taps,
  // lanes).
  void (*forward)(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                  const float* weights, const float* bias, float* dst, int64_t cols);
  // diff_weights (taps, cols; row stride ldw) += the sum over all vectors of src times diff_dst.
  void (*backward_weights)(const ConvRows& rows, const DepthwiseTaps& taps, const float* src,
                           const float* diff_dst, float* diff_weights, int64_t ldw, int64_t cols);
  // The same for channels that fill a vector or most of it, in tiles of so many pixels.
  int64_t tile_pixels;
  DepthwiseRow rows[12];
};

// Elementwise over n floats; the result may be one of the inputs.
using Elementwise = void (*)(int64_t n, const float* src, float* dst);
using ElementwiseBackward = void (*)(int64_t n, const float* dst, const float* diff_dst,
                                     float* diff_src);

// Elementwise over floats [first, first + n) of `count` arrays, at least one. Results may be any of
// the inputs.
struct MergingKernels {
  void (*add)(int64_t n, const float* a, const float* b, float* dst);
  // dst = the sum of factors[k] * srcs[k]
  void (*weighted_sum)(int64_t n, int64_t count, const float* const* srcs, int64_t first,
                       const float* factors, float* dst);
  // The same of n floats of rows that are row_stride floats apart.
  void (*weighted_rows)(int64_t n, int64_t count, const float* src, int64_t row_stride,
                        const float* factors, float* dst);
  void (*product)(int64_t n, int64_t count, const float* const* srcs, int64_t first, float* dst);
  void (*maximum)(int64_t n, int64_t count, const float* const* srcs, int64_t first, float* dst);
  // diff_srcs[k], unless it is null, = diff_dst where srcs[k] is the first of the largest, else 0
  void (*maximum_backward)(int64_t n, int64_t count, const float* const* srcs, int64_t first,
                           const float* diff_dst, float* const* diff_srcs);
};

// Elementwise; `parameters` holds three floats.
struct ActivationKernel {
  void (*forward)(int64_t n, const float* parameters, const float* src, float* dst);
  void (*backward)(int64_t n, const float* parameters, const float* dst, const float* diff_dst,
                   float* diff_src);
};

constexpr int kActivations = 27;
struct ActivationKernels {
  ActivationKernel of[kActivations];  // by ActivationKind
};

// What the logarithm of a softmax needs: log dst[i] = (src[i] - max) - log(sum). For targets t:
// their sum, and sum t[i] (max - src[i]).
struct SoftmaxRow {
  float max, sum, target_sum, target_distance;
};

// One row of n floats; or `columns` columns of n floats that are `stride` apart, of a softmax or
// of its logarithm.
struct SoftmaxKernels {
  SoftmaxRow (*forward)(int64_t n, const float* src, const float* targets, float* dst);
  ElementwiseBackward backward;
  Elementwise log_forward;
  ElementwiseBackward log_backward;
  void (*columns_forward)(int64_t n, int64_t stride, int64_t columns, bool logarithm,
                          const float* src, float* dst);
  void (*columns_backward)(int64_t n, int64_t stride, int64_t columns, bool logarithm,
                           const float* dst, const float* diff_dst, float* diff_src);
};

// Rows of n outputs: forward writes the sums of their losses, backward, for one row, factor times
// the sum's derivative.
using LossForward = void (*)(int64_t rows, int64_t n, const float* outputs, const float* targets,
                             float* sums);
using LossBackward = void (*)(int64_t n, const float* outputs, const float* targets, float factor,
                              float* diff_outputs);

// Probabilities are clipped to this range; where the clip bites, the derivative is 0.
constexpr float kLeastProb = 1e-7f, kMostProb = 1.0f - 1e-7f;

// Outputs whose sum is within this of 1 are probabilities as they are.
constexpr float kSumTolerance = 1e-4f;

struct LossKernels {
  LossBackward softmax_cross_entropy_backward;  // from the probabilities
  void (*sigmoid_cross_entropy_forward)(int64_t rows, int64_t n, const float* logits,
                                        const float* targets, float* probs, float* sums);
  LossBackward sigmoid_cross_entropy_backward;                  // from the probabilities
  float (*probability_scale)(int64_t n, const float* outputs);  // makes them sum to 1
  LossForward categorical_cross_entropy_forward;
  LossBackward categorical_cross_entropy_backward;
  LossForward binary_cross_entropy_forward;
  LossBackward binary_cross_entropy_backward;
};

// The sums of a row's products with itself and with its targets, and of the targets' squares.
struct RowProducts {
  float of_outputs, of_both, of_targets;
};
// alphas is null for one alpha. softmax: the outputs are that of logits, and the derivatives are by
// these; otherwise outputs are divided by their sum.
struct FocalRow {
  float gamma, alpha;
  const float* alphas;
  bool softmax;
};

// Losses of one row as a whole; backward writes factor times the derivative.
struct RowLossKernels {
  RowProducts (*products)(int64_t n, const float* outputs, const float* targets);
  float (*hinge_forward)(int64_t n, const float* outputs, const float* targets);
  LossBackward hinge_backward;
  float (*focal_forward)(int64_t n, const FocalRow& focal, const float* outputs,
                         const float* targets);
  // diff_outputs lies apart from outputs.
  void (*focal_backward)(int64_t n, const FocalRow& focal, const float* outputs,
                         const float* targets, float factor, float* diff_outputs);
};

// The losses of single outputs, of rows of n; `parameters` holds three floats. forward writes the
// sums, backward, for one row, factor times its derivative; diff_outputs may be outputs.
struct ElementwiseLossKernel {
  void (*forward)(int64_t rows, int64_t n, const float* parameters, const float* outputs,
                  const float* targets, float* sums);
  void (*backward)(int64_t n, const float* parameters, const float* outputs, const float* targets,
                   float factor, float* diff_outputs);
};

constexpr int kElementwiseLosses = 12;
struct ElementwiseLossKernels {
  ElementwiseLossKernel of[kElementwiseLosses];  // by ElementwiseLossKind
};

// The part of one pooling window that lies in the image: rows x cols pixels at the given strides.
// Position (y, x) of it counts position + y * row_positions + x in the whole window.
struct PoolWindow {
  int64_t rows, cols;
  int64_t row_stride, pixel_stride;
  int32_t position, row_positions;
};

// c channels of one window, whose first pixel is src; dst, diff_dst and argmax are one pixel.
// backward adds to diff_src or, without `add`, sets it.
template <typename Position>
struct MaxPoolKernels {
  // argmax may be null
  void (*forward)(int64_t c, const PoolWindow& window, const float* src, float* dst,
                  Position* argmax);
  void (*backward)(int64_t c, const PoolWindow& window, bool add, const float* diff_dst,
                   const Position* argmax, float* diff_src);
};
struct PoolKernels {
  MaxPoolKernels<uint8_t> bytes;
  MaxPoolKernels<int32_t> words;
  // The window's sum divided by `divisor`.
  void (*sum_forward)(int64_t c, const PoolWindow& window, float divisor, const float* src,
                      float* dst);
  void (*sum_backward)(int64_t c, const PoolWindow& window, bool add, float divisor,
                       const float* diff_dst, float* diff_src);
};

constexpr uint8_t kRectified = 4;  // the code of a window through which no gradient passes

// 2x2 windows, stride 2; a code says which pixel of its window was the largest: 0 1 above, 2 3
// below.
struct Pool2x2Kernels {
  // c channels of the windows of two rows of pixels, or twice the same one, src_stride floats apart
  // in a row; dst and codes are dst_stride apart. codes may be null.
  void (*forward)(int64_t windows, int64_t c, const float* above, const float* below,
                  int64_t src_stride, float* dst, uint8_t* codes, int64_t dst_stride);
  // Pixels [first, first + pixels) of one row of the windows, the upper (0) or the lower (1), all
  // channels: the gradient of the window where its code says so, else 0. Everything is contiguous;
  // diff_dst and codes are the row of windows, diff_src is pixel `first`.
  void (*backward)(int64_t first, int64_t pixels, int64_t c, int row, const float* diff_dst,
                   const uint8_t* codes, float* diff_src);
  // Of n pooled values: a ReLU in place, and kRectified for what it makes 0.
  void (*rectify)(int64_t n, float* dst, uint8_t* codes);
  // Adds the gradients (rows, c) to their column's sum, but for those with the code kRectified.
  void (*add_column_sums)(int64_t rows, int64_t c, const float* diff_dst, const uint8_t* codes,
                          float* sums);
};

// The pixels that Winograd's F(4x4, 3x3) transforms at once: 6x6 of an input, or 4x4 of a gradient.
// Pixels have c floats and lie side by side in their rows.
struct WinogradPatch {
  const float* rows[6];  // from the first pixel on; rows outside the image are zeros
  int64_t begin, end;    // the columns inside the image; the others are zeros and not read
};

// The same where a 2x2 pooling follows the image: the windows that the pixels lie in, up to four in
// a row of 4, and the place of the first pixel in the first of them. Windows outside are zeros.
struct WinogradWindows {
  const float* data[16];
  const uint8_t* codes[16];
  int first_y, first_x;
};

// Where the 4x4 outputs of a tile go, or their 2x2 windows if they are pooled: only rows x cols of
// them exist. The addend, which lies as dst does, is added to what is not pooled, unless it is
// null; then it is clipped. codes may be null.
struct WinogradOutput {
  float* dst;
  const float* addend;
  uint8_t* codes;
  int64_t row_stride, rows, cols;
  Range range;
};

// c channels of one tile, at least these, whose 36 points are `stride` floats apart; with u the
// points of the weights and v those of the inputs, the sums of u v over the input channels are the
// points of the outputs.
constexpr int64_t kWinogradChannels = 16;
struct WinogradKernels {
  void (*input)(int64_t c, const WinogradPatch& patch, float* points, int64_t stride);
  void (*pooled_input)(int64_t c, const WinogradWindows& windows, float* points, int64_t stride);
  // of the outputs
  void (*gradient)(int64_t c, const WinogradPatch& patch, float* points, int64_t stride);
  void (*pooled_gradient)(int64_t c, const WinogradWindows& windows, float* points, int64_t stride);
  void (*output)(int64_t c, const float* points, int64_t stride, const float* bias,
                 const WinogradOutput& output);
  void (*pooled_output)(int64_t c, const float* points, int64_t stride, const float* bias,
                        const WinogradOutput& output);
  // 3x3 taps, tap_stride apart
  void (*weights)(int64_t c, const float* weights, int64_t tap_stride, float* points,
                  int64_t stride);
  void (*weights_gradient)(int64_t c, const float* points, int64_t stride, float* diff_weights,
                           int64_t tap_stride);
};

// The pixels that F(2x2, 2x2) of the phases of a 3x3 kernel of stride 2 transforms at once: 5x5 of
// an input, or 3x3 or 2x2 of a gradient, in the order of the image or against it.
struct Stride2Patch {
  const float* rows[5];  // from the first pixel on; rows outside the image are zeros
  int64_t pixel_stride;
  int64_t begin, end;  // the columns inside the image; the others are zeros and not read
};

// Where the 2x2 outputs of a tile go, or the 4x4 gradients of its inputs: only these rows and
// columns of them exist.
struct Stride2Tile {
  float* dst;
  int64_t row_stride, pixel_stride;
  int64_t row_begin, row_end, col_begin, col_end;
};

// c channels of one tile, at least kWinogradChannels. Points are `stride` floats apart, row by row:
// 5x5 of an input, 3x3 of an output or its gradient. Along an axis, output 0 is the sum of inputs 0
// and 1 times weights 0 and 1, output 1 that of 2 times 2, output 2 that of 3 and 4 times 3 and 4.
// Backwards, 4x4 points of a gradient: products 0 to 4 are those of inputs 0, 1, 1, 3, 2 times
// weights 4, 3, 2, 1, 0.
struct Stride2Kernels {
  void (*input)(int64_t c, const Stride2Patch& patch, float* points, int64_t stride);
  void (*gradient)(int64_t c, const Stride2Patch& patch, float* points, int64_t stride);
  void (*back_input)(int64_t c, const Stride2Patch& patch, float* points, int64_t stride);
  void (*output)(int64_t c, const float* points, int64_t stride, const float* bias,
                 const Stride2Tile& tile);
  void (*back_output)(int64_t c, const float* points, int64_t stride, const float* bias,
                      const Stride2Tile& tile);
  // 3x3 taps, tap_stride apart, to 5x5 points; those of weights 1 and 3 are the same
  void (*weights)(int64_t c, const float* weights, int64_t tap_stride, float* const* points);
  // of 4x4 sums: those of weights 1 and 3 are one
  void (*weights_gradient)(int64_t c, const float* sums, int64_t stride, float* diff_weights,
                           int64_t tap_stride);
};

// The pixels of a row from pixel 0 on, `width` of them, of which those of the first tile begin with
// pixel `first`. Pixels outside the row are zeros and not read.
struct PixelRow {
  const float* pixels;
  int64_t first, width;
};

// Winograd's algorithm along rows: tiles of `tile` outputs of a kernel of `taps` have 8 points,
// `stride` floats apart. c channels, at least kWinogradChannels, of tiles side by side.
struct RowWinogradKernels {
  int64_t taps, tile;
  void (*input)(int64_t c, int64_t tiles, const PixelRow& row, float* points, int64_t stride);
  // of the outputs
  void (*gradient)(int64_t c, int64_t tiles, const PixelRow& row, float* points, int64_t stride);
  // the first `pixels` outputs, or windows of two outputs; codes may be null
  void (*output)(int64_t c, int64_t pixels, const float* points, int64_t stride, const float* bias,
                 Range range, float* dst);
  void (*pooled_output)(int64_t c, int64_t windows, const float* points, int64_t stride,
                        const float* bias, Range range, float* dst, uint8_t* codes);
  void (*weights)(int64_t c, const float* weights, int64_t tap_stride, float* const* points);
  void (*weights_gradient)(int64_t c, const float* sums, int64_t stride, float* diff_weights,
                           int64_t tap_stride);
};

// Columns normalised: scale * (src - mean) + shift.
struct NormalizedColumns {
  const float *mean, *scale, *shift;
};

// Contiguous (rows, c) matrices of normalised columns, or of what a rectifier makes of them.
struct NormalizationKernels {
  // dst = the columns + addend, unless it is null
  void (*forward)(int64_t rows, int64_t c, const float* src, const float* addend,
                  const NormalizedColumns& columns, float* dst);
  // adds the sums of the gradient and of the gradient * (src - mean)
  void (*add_sums)(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                   const NormalizedColumns& columns, float* sums, float* products);
  // diff_src = scale * gradient + slope * (src - mean) + offset
  void (*backward)(int64_t rows, int64_t c, const float* src, const float* diff_dst,
                   const NormalizedColumns& columns, const float* slope, const float* offset,
                   float* diff_src);
};

// Contiguous (rows, c) matrices; the other arguments have one float a column. add_... add to their
// sums, row after row.
struct BatchNormKernels {
  void (*add_column_sums)(int64_t rows, int64_t c, const float* src, float* sums);
  // of src - mean and of its square
  void (*add_deviations)(int64_t rows, int64_t c, const float* src, const float* mean, float* sums,
                         float* squares);
  NormalizationKernels linear, relu, relu6;
};

// Contiguous (rows, c) matrices; bias and sums have one float a column.
using ColumnOperation = void (*)(int64_t rows, int64_t c, const float* src, const float* bias,
                                 float* dst);

struct BiasKernels {
  ColumnOperation add;       // dst = src + bias
  ColumnOperation multiply;  // dst = src * bias
  // adds the products of a and b to their column's sum, row after row
  void (*add_products)(int64_t rows, int64_t c, const float* a, const float* b, float* sums);
};

// Of so few numbers that they may be added up in float32.
struct NormKernels {
  float (*sum_of_magnitudes)(int64_t n, const float* src);
  float (*sum_of_squares)(int64_t n, const float* src);
  // diff_src += sign_factor sign(src) + factor src
  void (*add_penalty_gradient)(int64_t n, float sign_factor, float factor, const float* src,
                               float* diff_src);
};

// velocity = momentum velocity - grad_rate grad; param += rate velocity, or, by Nesterov,
// param += rate (momentum velocity - grad_rate grad)
struct MomentumRates {
  float momentum, grad_rate, rate;
  bool nesterov;
};

// square = kept square + added grad^2; mean = kept mean + added grad;
// velocity = momentum velocity +
//            learning_rate grad / (sqrt(square - mean^2 + inner_epsilon) + outer_epsilon);
// param -= velocity
struct RmsRates {
  float kept, added, learning_rate, inner_epsilon, outer_epsilon, momentum;
};

// m = beta_1 m + rest_1 grad; v = beta_2 v + rest_2 grad^2;
// param -= (m_rate m + grad_rate grad) / (unbias_2 sqrt(v) + epsilon)
struct AdamRates {
  float beta_1, rest_1, beta_2, rest_2, m_rate, grad_rate, unbias_2, epsilon;
};

// Over n parameters; the formulas are in optimizer_step.hpp.
struct OptimizerKernels {
  void (*descend)(int64_t n, float learning_rate, const float* grads, float* params);
  void (*descend_with_momentum)(int64_t n, const MomentumRates& rates, const float* grads,
                                float* velocity, float* params);
  // mean and velocity may be null: 0, and a velocity that lasts for one step.
  void (*descend_by_rms)(int64_t n, const RmsRates& rates, const float* grads, float* squares,
                         float* mean, float* velocity, float* params);
  // With the largest v so far for v, unless `peak` is null.
  void (*adam)(int64_t n, const AdamRates& rates, const float* grads, float* m, float* v,
               float* peak, float* params);
  // param -= m_rate m / (u + epsilon), with u = max(beta_2 u, |grad|).
  void (*adamax)(int64_t n, const AdamRates& rates, const float* grads, float* m, float* u,
                 float* params);
  void (*adadelta)(int64_t n, float learning_rate, float rho, float epsilon, const float* grads,
                   float* squares, float* moves, float* params);
  // param -= m_rate sign(beta_1 m + rest_1 grad); m = beta_2 m + rest_2 grad
  void (*lion)(int64_t n, const AdamRates& rates, const float* grads, float* m, float* params);
};

// Elements whose 32-bit random word is below the threshold become 0, the others are scaled. Counter
// `counter` belongs to the first four.
using DropoutKernel = void (*)(int64_t n, uint64_t counter, uint64_t seed, uint32_t threshold,
                               float scale, const float* src, float* dst);
// Elements are multiplied by normal numbers of mean 1 and this deviation.
using GaussianDropoutKernel = void (*)(int64_t n, uint64_t counter, uint64_t seed, float deviation,
                                       const float* src, float* dst);

// What a register tile takes, as measured: vector loads that fit in the time of one product, and
// the accumulators that hide the latency of their sums; fewer take as long.
struct TileTimes {
  int64_t loads_a_product, accumulators;
};

constexpr int kOneStepTiles = 3, kOneRunTiles = 2;

// The shares that bytes have in an average of them sum to 2^kShareBits.
constexpr int kShareBits = 22;

// The pixels of a row that each of `count` output pixels sees: from which on, and the share of each
// byte of them, in so many vectors.
struct StretchWindows {
  int64_t count, vectors;
  const int64_t* first;
  const int32_t* shares;
};

struct StretchKernels {
  int64_t lanes;
  // A row of outputs from a row of pixels of one byte, or of four; src_bytes may be read.
  void (*across_bytes)(const StretchWindows& windows, const uint8_t* src, int64_t src_bytes,
                       uint8_t* dst);
  void (*across_quads)(const StretchWindows& windows, const uint8_t* src, int64_t src_bytes,
                       uint8_t* dst);
  // dst (n) from the bytes above each other in several rows.
  void (*down)(int64_t n, int64_t taps, const uint8_t* const* rows, const int32_t* shares,
               uint8_t* dst);
};

struct RowStatistics {
  float mean, inv_std;
};

// A row of n floats that is normalised by itself; not centred, its mean counts as 0, and not
// averaged, its variance is the sum of the squares. Gamma and beta may be null; backward adds to
// their gradients. Each of the gradients may be null.
struct RowNormKernels {
  RowStatistics (*forward)(int64_t n, bool centered, bool averaged, float epsilon, const float* src,
                           const float* gamma, const float* beta, float* dst);
  void (*backward)(int64_t n, bool centered, bool averaged, const RowStatistics& row,
                   const float* src, const float* diff_dst, const float* gamma, float* diff_src,
                   float* diff_gamma, float* diff_beta);
};

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
