"""The C++ core. Every array is C-contiguous and float32 unless typed otherwise; results are written
into the arrays handed in (dst, diff_*). Names are oneDNN's; layouts are NHWC and HWIO."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Label = NDArray[np.int64]
Index = NDArray[np.int32]
Codes = NDArray[np.uint8]
Pair = tuple[int, int]

__version__: str

# runtime
def num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...
def empty(bytes: int) -> NDArray[np.uint8]: ...
def release_free_memory() -> None: ...
def available_isas() -> list[str]: ...
def active_isa() -> str: ...
def set_isa(name: str) -> None: ...
def conv_algorithm() -> str: ...
def set_conv_algorithm(name: str) -> None: ...
def build_info() -> dict[str, Any]: ...

class SharedSums:
    """Sums of arrays over processes that share memory."""

    def __init__(self, memory: NDArray[np.uint8], rank: int, size: int) -> None: ...
    def begin(self, array: NDArray[Any]) -> int: ...
    def advance(self) -> int: ...

# gemm: c (m, n) = op(a) @ op(b) (+ c)
def sgemm(
    a: Float, b: Float, c: Float, transpose_a: bool, transpose_b: bool, accumulate: bool
) -> None: ...

# col (mb * oh * ow, kh * kw * ic)
def im2col(
    src: Float,
    col: Float,
    kernel_size: Pair,
    output_size: Pair,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
) -> None: ...

# conv2d: padding is (top, left); bottom and right follow from dst's shape; rotated: true
# convolution, with the kernel rotated by 180 degrees. pooled_from, the output size before 2x2 max
# pooling, asks for that and is needed on the way back; codes tell which pixels were the largest.
# addend, of the shape of dst or diff_src but not that array, is added before the activation; not
# with pooling. conv2d_backward_data with bias (ic,) and an activation is the transposed convolution
class Program:
    def begin(self, inputs: list[Float]) -> None: ...
    def end(self) -> None: ...
    def run(self, *inputs: Float) -> None: ...
    def calls(self) -> list[dict[str, Any]]: ...
    def arrays(self) -> list[NDArray[Any]]: ...

class ProgramFile:
    def __init__(self, path: str) -> None: ...
    def input_shapes(self) -> list[list[int]]: ...
    def output_shapes(self) -> list[list[int]]: ...
    def run(self, inputs: list[Float], outputs: list[Float]) -> None: ...

class PreparedWeights:
    """
    Keeps what conv2d_forward makes of weights; for calls with the same ones.

    A scale of the output channels is applied to the weights.
    """

    def __init__(self, scale: Float | None = None) -> None: ...

def conv2d_forward(
    src: Float,
    weights: Float,
    bias: Float | None,
    dst: Float,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
    activation: Activation = "linear",
    codes: Codes | None = None,
    pooled_from: Pair | None = None,
    prepared: PreparedWeights | None = None,
    addend: Float | None = None,
) -> None: ...

# Convolutions, each of what the one before it computes; see conv2d_is_link for those that can be
# among them. A link: weights, bias, output size, strides, padding, dilation, groups, rotated,
# activation, prepared weights.
def conv2d_chain_forward(
    src: Float, links: list[tuple[Any, ...]], dst: Float, addend: Float | None = None
) -> None: ...
def conv2d_is_link(
    image: tuple[int, ...],
    weights: tuple[int, ...],
    output_size: Pair,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
) -> bool: ...
def conv2d_reads_normalized(
    image: tuple[int, ...],
    weights: tuple[int, ...],
    output_size: Pair,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
) -> bool: ...

# Convolutions of activation(scale (src - mean) + shift), which is never stored; columns: (3, c) of
# mean, scale and shift, see batch_norm_statistics. The gradient of what they read comes with
# its sums for batch_norm_backward_from_sums. Activations: linear, relu, relu6.
def normalized_conv2d_forward(
    src: Float,
    columns: Float,
    activation: Activation,
    weights: Float,
    bias: Float | None,
    dst: Float,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
) -> None: ...
def normalized_conv2d_backward_data(
    src: Float,
    columns: Float,
    activation: Activation,
    diff_dst: Float,
    weights: Float,
    diff_src: Float,
    sums: Float,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
) -> None: ...
def normalized_conv2d_backward_weights(
    src: Float,
    columns: Float,
    activation: Activation,
    diff_dst: Float,
    diff_weights: Float,
    diff_bias: Float | None,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
) -> None: ...
def conv2d_backward_data(
    diff_dst: Float,
    weights: Float,
    diff_src: Float,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
    codes: Codes | None = None,
    pooled_from: Pair | None = None,
    addend: Float | None = None,
    bias: Float | None = None,
    activation: Activation = "linear",
) -> None: ...
def conv2d_backward_weights(
    src: Float,
    diff_dst: Float,
    diff_weights: Float,
    diff_bias: Float | None,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    rotated: bool,
    codes: Codes | None = None,
    pooled_from: Pair | None = None,
) -> None: ...

# bias: (n,) or of the shape of src's last axes, which it spans; dst may be src, diff_src diff_dst
def bias_add_forward(src: Float, bias: Float, dst: Float) -> None: ...
def bias_add_backward(diff_dst: Float, diff_bias: Float) -> None: ...
def bias_multiply_forward(src: Float, bias: Float, dst: Float) -> None: ...
def bias_multiply_backward(
    src: Float, bias: Float, diff_dst: Float, diff_src: Float | None, diff_bias: Float | None
) -> None: ...

# pool2d: padding is (top, left); argmax has bytes for windows of up to 256 pixels, else int32
def max_pool2d_forward(
    src: Float,
    dst: Float,
    argmax: Codes | Index | None,
    pool_size: Pair,
    strides: Pair,
    padding: Pair,
) -> None: ...
def max_pool2d_backward(
    diff_dst: Float,
    argmax: Codes | Index,
    diff_src: Float,
    pool_size: Pair,
    strides: Pair,
    padding: Pair,
    accumulate: bool = False,
) -> None: ...
def avg_pool2d_forward(
    src: Float, dst: Float, pool_size: Pair, strides: Pair, padding: Pair
) -> None: ...
def avg_pool2d_backward(
    diff_dst: Float, diff_src: Float, pool_size: Pair, strides: Pair, padding: Pair
) -> None: ...
def sum_pool2d_forward(
    src: Float, dst: Float, pool_size: Pair, strides: Pair, padding: Pair
) -> None: ...
def sum_pool2d_backward(
    diff_dst: Float, diff_src: Float, pool_size: Pair, strides: Pair, padding: Pair
) -> None: ...

# dense: src (mb, ic), weights (ic, oc)
def dense_forward(src: Float, weights: Float, bias: Float | None, dst: Float) -> None: ...
def dense_backward_data(diff_dst: Float, weights: Float, diff_src: Float) -> None: ...
def dense_backward_weights(
    src: Float, diff_dst: Float, diff_weights: Float, diff_bias: Float | None
) -> None: ...

# activations: any shape, the same for all arguments; src may be dst, diff_dst may be diff_src.
# parameters in the place of the usual ones: elu, celu (alpha,), leaky_relu (slope,), rectifier
# (highest, slope, threshold), hard_shrink, soft_shrink (threshold,), squareplus (b,), threshold
# (threshold, value)
Activation: TypeAlias = str | tuple[str, tuple[float, ...]]

def linear_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def linear_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def relu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def relu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def sigmoid_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def sigmoid_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def tanh_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def tanh_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def arctan_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def arctan_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def elu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def elu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def leaky_relu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def leaky_relu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def softplus_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def softplus_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def exponential_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def exponential_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def relu6_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def relu6_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def hard_sigmoid_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def hard_sigmoid_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def rectifier_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def rectifier_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def selu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def selu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def celu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def celu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def softsign_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def softsign_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def hard_tanh_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def hard_tanh_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def log_sigmoid_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def log_sigmoid_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def hard_shrink_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def hard_shrink_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def soft_shrink_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def soft_shrink_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def squareplus_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def squareplus_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...

# these take src for dst on the way back
def silu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def silu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def hard_silu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def hard_silu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def gelu_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def gelu_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def gelu_tanh_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def gelu_tanh_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def mish_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def mish_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def tanh_shrink_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def tanh_shrink_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...
def threshold_forward(src: Float, dst: Float, parameters: Sequence[float] = ()) -> None: ...
def threshold_backward(
    dst: Float, diff_dst: Float, diff_src: Float, parameters: Sequence[float] = ()
) -> None: ...

# softmax along an axis, and its logarithm
def sample_norm_forward(
    src: Float,
    gamma: Float | None,
    beta: Float | None,
    dst: Float,
    mean: Float,
    inv_std: Float,
    pixels: int,
    epsilon: float,
    centered: bool = True,
    averaged: bool = True,
) -> None: ...
def sample_norm_backward(
    src: Float,
    diff_dst: Float,
    gamma: Float | None,
    mean: Float,
    inv_std: Float,
    diff_src: Float | None,
    diff_gamma: Float | None,
    diff_beta: Float | None,
    pixels: int,
    centered: bool = True,
    averaged: bool = True,
) -> None: ...
def softmax_forward(src: Float, dst: Float, axis: int = -1) -> None: ...
def softmax_backward(dst: Float, diff_dst: Float, diff_src: Float, axis: int = -1) -> None: ...
def log_softmax_forward(src: Float, dst: Float, axis: int = -1) -> None: ...
def log_softmax_backward(dst: Float, diff_dst: Float, diff_src: Float, axis: int = -1) -> None: ...

# batch normalisation over the last axis; gamma, beta and the statistics (c,). Images may be 2x2 max
# pooled and activated in the same pass; codes tell the backward pass, which takes the gradient of
# dst, which pixels were the largest. addend, of the shape of src and apart from dst, is added
# before the activation, not with pooling; then the backward pass takes dst, and writes addend's
# gradient to diff_addend, which may be diff_dst
def batch_norm_forward_training(
    src: Float,
    gamma: Float | None,
    beta: Float | None,
    dst: Float,
    mean: Float,
    inv_std: Float,
    moving_mean: Float,
    moving_variance: Float,
    epsilon: float,
    momentum: float,
    activation: Activation = "linear",
    pool: bool = False,
    codes: Codes | None = None,
    addend: Float | None = None,
) -> None: ...
def batch_norm_statistics(
    src: Float,
    gamma: Float | None,
    beta: Float | None,
    columns: Float,
    inv_std: Float,
    moving_mean: Float,
    moving_variance: Float,
    epsilon: float,
    momentum: float,
) -> None: ...
def batch_norm_backward_from_sums(
    src: Float,
    diff_dst: Float,
    columns: Float,
    activation: Activation,
    inv_std: Float,
    sums: Float,
    diff_src: Float | None,
    diff_gamma: Float | None,
    diff_beta: Float | None,
) -> None: ...
def batch_norm_recompute(
    src: Float,
    gamma: Float | None,
    beta: Float | None,
    mean: Float,
    inv_std: Float,
    dst: Float,
    activation: Activation = "linear",
    addend: Float | None = None,
) -> None: ...
def batch_norm_forward_inference(
    src: Float,
    gamma: Float | None,
    beta: Float | None,
    moving_mean: Float,
    moving_variance: Float,
    dst: Float,
    epsilon: float,
    activation: Activation = "linear",
    pool: bool = False,
    addend: Float | None = None,
) -> None: ...
def batch_norm_backward(
    src: Float,
    diff_dst: Float,
    gamma: Float | None,
    mean: Float,
    inv_std: Float,
    diff_src: Float | None,
    diff_gamma: Float | None,
    diff_beta: Float | None,
    activation: Activation = "linear",
    beta: Float | None = None,
    codes: Codes | None = None,
    dst: Float | None = None,
    diff_addend: Float | None = None,
) -> None: ...

# dropout: the backward pass is the same call on the gradient with the same seed
def dropout(src: Float, dst: Float, rate: float, seed: int) -> None: ...
def gaussian_dropout(src: Float, dst: Float, rate: float, seed: int) -> None: ...

# warp: transforms (mb, 8); fill_mode is constant, nearest, reflect or wrap
def warp_forward(
    src: Float,
    transforms: Float,
    dst: Float,
    fill_mode: str,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> None: ...
def warp_backward_data(
    diff_dst: Float,
    transforms: Float,
    diff_src: Float,
    fill_mode: str,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> None: ...
def arrow_bytes(schema: object, array: object) -> NDArray[np.uint8]: ...

class PictureStretch:
    """Stretches a picture, whose rows it takes, to the size of an array."""

    def __init__(
        self,
        dst: NDArray[np.uint8] | Float,
        shape: tuple[int, int, int],
        box: tuple[float, float, float, float],
    ) -> None: ...
    def take(self, rows: NDArray[np.uint8]) -> None: ...

# pictures: operations (mb, steps) and parameters (mb, steps, 8); boxes (mb, 4) are top, left,
# bottom and right; offsets (mb, 2) are the first row and column of a part
def transform_pictures(
    src: Float,
    operations: Index,
    parameters: Float,
    dst: Float,
    value_range: tuple[float, float],
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> None: ...
def mix_pictures(src: Float, partners: Label, weights: Float, boxes: Index, dst: Float) -> None: ...
def erase_pictures(
    src: Float,
    boxes: Index,
    fill: Float,
    dst: Float,
    value_range: tuple[float, float],
    deviation: float = 0.0,
    seed: int = 0,
) -> None: ...
def crop_forward(src: Float, offsets: Index, dst: Float) -> None: ...
def crop_backward_data(diff_dst: Float, offsets: Index, diff_src: Float) -> None: ...
def uniform_numbers(seed: int, dst: Float) -> None: ...

# resample2d: places and shares are (pixels of the output, taps), of rows and of columns
def resample2d_forward(
    src: Float,
    row_places: Index,
    row_shares: Float,
    column_places: Index,
    column_shares: Float,
    dst: Float,
    fill: float = 0.0,
) -> None: ...
def resample2d_backward(
    diff_dst: Float,
    row_places: Index,
    row_shares: Float,
    column_places: Index,
    column_shares: Float,
    diff_src: Float,
) -> None: ...

# merging: elementwise over arrays of one shape; results may be any of the inputs. weighted_sum is
# the sum, average or difference, and its own gradient: factors[k] times that of the sum. The
# gradient of a product's factor is the product of diff_dst and the others. That of a maximum goes
# to the first of the largest, to the arrays that are not None
def weighted_sum(
    srcs: list[Float], factors: list[float], dst: Float, activation: Activation = "linear"
) -> None: ...
def product(srcs: list[Float], dst: Float) -> None: ...
def maximum_forward(srcs: list[Float], dst: Float) -> None: ...
def maximum_backward(srcs: list[Float], diff_dst: Float, diff_srcs: list[Float | None]) -> None: ...

# parts of an axis: split takes out those that begin at `begins`, the gradients of concatenate
def concatenate(srcs: list[Float], dst: Float, axis: int) -> None: ...
def split(src: Float, dsts: list[Float], begins: list[int], axis: int) -> None: ...

# images and their borders: padding and cropping are (top, left), bottom and right follow from the
# shapes; each is the gradient of the other
def zero_pad2d(src: Float, dst: Float, padding: Pair) -> None: ...
def crop2d(src: Float, dst: Float, cropping: Pair) -> None: ...

# src (outer, rows, columns, inner), dst (outer, columns, rows, inner)
def swap_axes(src: Float, dst: Float) -> None: ...

# upsampling by whole factors (height, width); interpolation is nearest or bilinear, between the
# centres of the pixels
def upsample2d_forward(src: Float, dst: Float, factors: Pair, interpolation: str) -> None: ...
def upsample2d_backward(
    diff_dst: Float, diff_src: Float, factors: Pair, interpolation: str
) -> None: ...

# losses: outputs and targets (rows, n), labels, losses and sample_weights (rows,); alphas (1,) or
# (n,)
def are_shares(targets: Float) -> bool: ...
def softmax_cross_entropy_forward(
    logits: Float, targets: Float, probs: Float, losses: Float
) -> None: ...
def softmax_cross_entropy_backward(
    probs: Float, targets: Float, sample_weights: Float | None, scale: float, diff_logits: Float
) -> None: ...
def sparse_softmax_cross_entropy_forward(
    logits: Float, labels: Label, probs: Float, losses: Float
) -> None: ...
def sparse_softmax_cross_entropy_backward(
    probs: Float, labels: Label, sample_weights: Float | None, scale: float, diff_logits: Float
) -> None: ...
def sigmoid_cross_entropy_forward(
    logits: Float, targets: Float, probs: Float, losses: Float
) -> None: ...
def sigmoid_cross_entropy_backward(
    probs: Float, targets: Float, sample_weights: Float | None, scale: float, diff_logits: Float
) -> None: ...
def categorical_cross_entropy_forward(probs: Float, targets: Float, losses: Float) -> None: ...
def categorical_cross_entropy_backward(
    probs: Float, targets: Float, sample_weights: Float | None, scale: float, diff_probs: Float
) -> None: ...
def sparse_categorical_cross_entropy_forward(
    probs: Float, labels: Label, losses: Float
) -> None: ...
def sparse_categorical_cross_entropy_backward(
    probs: Float, labels: Label, sample_weights: Float | None, scale: float, diff_probs: Float
) -> None: ...
def binary_cross_entropy_forward(probs: Float, targets: Float, losses: Float) -> None: ...
def binary_cross_entropy_backward(
    probs: Float, targets: Float, sample_weights: Float | None, scale: float, diff_probs: Float
) -> None: ...
def cosine_loss_forward(outputs: Float, targets: Float, losses: Float) -> None: ...
def cosine_loss_backward(
    outputs: Float,
    targets: Float,
    sample_weights: Float | None,
    scale: float,
    diff_outputs: Float,
) -> None: ...
def categorical_hinge_forward(outputs: Float, targets: Float, losses: Float) -> None: ...
def categorical_hinge_backward(
    outputs: Float,
    targets: Float,
    sample_weights: Float | None,
    scale: float,
    diff_outputs: Float,
) -> None: ...
def categorical_focal_forward(
    gamma: float, alphas: Float, probs: Float, targets: Float, losses: Float
) -> None: ...
def categorical_focal_backward(
    gamma: float,
    alphas: Float,
    probs: Float,
    targets: Float,
    sample_weights: Float | None,
    scale: float,
    diff_probs: Float,
) -> None: ...
def softmax_focal_forward(
    gamma: float, alphas: Float, logits: Float, targets: Float, probs: Float, losses: Float
) -> None: ...
def softmax_focal_backward(
    gamma: float,
    alphas: Float,
    probs: Float,
    targets: Float,
    sample_weights: Float | None,
    scale: float,
    diff_logits: Float,
) -> None: ...
def generalized_cross_entropy_forward(
    q: float, probs: Float, labels: Label, losses: Float
) -> None: ...
def generalized_cross_entropy_backward(
    q: float,
    probs: Float,
    labels: Label,
    sample_weights: Float | None,
    scale: float,
    diff_probs: Float,
) -> None: ...
def elementwise_loss_forward(
    loss: str,
    parameters: Sequence[float],
    mean: bool,
    outputs: Float,
    targets: Float,
    losses: Float,
) -> None: ...
def elementwise_loss_backward(
    loss: str,
    parameters: Sequence[float],
    mean: bool,
    outputs: Float,
    targets: Float,
    sample_weights: Float | None,
    scale: float,
    diff_outputs: Float,
) -> None: ...
def sigmoid_loss_forward(
    loss: str,
    parameters: Sequence[float],
    mean: bool,
    logits: Float,
    targets: Float,
    probs: Float,
    losses: Float,
) -> None: ...
def sigmoid_loss_backward(
    loss: str,
    parameters: Sequence[float],
    mean: bool,
    probs: Float,
    targets: Float,
    sample_weights: Float | None,
    scale: float,
    diff_logits: Float,
) -> None: ...

# optimizer steps over flat arrays
def sgd_step(
    params: Float,
    grads: Float,
    velocity: Float | None,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
) -> None: ...
def momentum_step(
    params: Float,
    grads: Float,
    velocity: Float,
    learning_rate: float,
    momentum: float,
    grad_share: float,
) -> None: ...
def rms_step(
    params: Float,
    grads: Float,
    squares: Float,
    mean: Float | None,
    velocity: Float | None,
    learning_rate: float,
    kept: float,
    added: float,
    inner_epsilon: float,
    outer_epsilon: float,
    momentum: float,
) -> None: ...
def adam_step(
    params: Float,
    grads: Float,
    m: Float,
    v: Float,
    peak: Float | None,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> None: ...
def nadam_step(
    params: Float,
    grads: Float,
    m: Float,
    v: Float,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    m_share: float,
    grad_share: float,
    step: int,
) -> None: ...
def adamax_step(
    params: Float,
    grads: Float,
    m: Float,
    u: Float,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> None: ...
def adadelta_step(
    params: Float,
    grads: Float,
    squares: Float,
    moves: Float,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> None: ...
def lion_step(
    params: Float,
    grads: Float,
    m: Float,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
) -> None: ...

# norms, and what holds them down
def sum_of_magnitudes(src: Float) -> float: ...
def sum_of_squares(src: Float) -> float: ...
def penalty_backward(
    src: Float, diff_src: Float, l1: float, l2: float, scale: float = 1.0
) -> None: ...
def limit_norms(array: Float, least: float, most: float, rate: float, epsilon: float) -> None: ...
