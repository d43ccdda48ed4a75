"""
The operations on arrays, checked: functions of arrays that return new arrays.

Layers use the same core on buffers of their own; these are for experiments and tests. Arrays may
have any real dtype and layout and are never written to; results are float32. Images are (batch,
height, width, channels), convolution kernels (height, width, channels / groups, filters).
"""

from typing import Any

import numpy as np

from cnnx import _core, activations, geometry
from cnnx.arrays import Float, as_float32
from cnnx.geometry import Pair, Placement

__all__ = [
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_inference",
    "conv2d",
    "conv2d_backward",
    "dense",
    "dense_backward",
    "dropout",
    "im2col",
    "matmul",
    "max_pool2d",
    "max_pool2d_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
]


def _array(value: Any, name: str, axes: str) -> Float:
    """Return `value` as float32 with one axis for each word of `axes`."""
    array = as_float32(value, name)
    if array.ndim != len(axes.split()):
        remedy = "; images need channels: x[..., None]" if array.ndim == 3 else ""
        raise ValueError(
            f"{name} must have the axes ({axes.replace(' ', ', ')}), got shape "
            f"{array.shape}{remedy}"
        )
    return array


def _expect(array: Float, shape: tuple[int, ...], name: str) -> Float:
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array


def _vector(value: Any, length: int, name: str) -> Float | None:
    return None if value is None else _expect(as_float32(value, name), (length,), name)


_IMAGE = "batch height width channels"


class _Convolution:
    """The checked arguments of a convolution."""

    def __init__(
        self,
        operation: str,
        x: Any,
        kernel: Any,
        strides: int | Pair,
        padding: Any,
        dilation_rate: int | Pair,
        groups: int,
    ) -> None:
        self.x = _array(x, f"{operation}: x", _IMAGE)
        self.kernel = _array(kernel, f"{operation}: kernel", "height width channels/groups filters")
        groups = geometry.integer(groups, f"{operation}: groups")
        height, width, depth, self.filters = self.kernel.shape
        channels = self.x.shape[3]
        if depth * groups != channels or self.filters % groups or 0 in self.kernel.shape:
            raise ValueError(
                f"{operation}: a kernel of shape {self.kernel.shape} with groups={groups} does "
                f"not fit {channels} channels; it needs ({height}, {width}, channels / groups, a "
                "multiple of groups)"
            )
        stride_pair = geometry.pair(strides, f"{operation}: strides")
        dilation = geometry.pair(dilation_rate, f"{operation}: dilation_rate")
        placement = geometry.place(
            operation,
            self.x.shape[1:3],
            (height, width),
            stride_pair,
            geometry.padding(padding, f"{operation}: padding"),
            dilation,
        )
        self.windows = (stride_pair, placement.padding, dilation, groups)
        self.output_shape = (len(self.x), *placement.output_size, self.filters)


def conv2d(
    x: Any,
    kernel: Any,
    bias: Any = None,
    strides: int | Pair = 1,
    padding: Any = "valid",
    dilation_rate: int | Pair = 1,
    groups: int = 1,
) -> Float:
    """
    Return the cross-correlation of images with a kernel, plus bias.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    kernel
        (height, width, channels / groups, filters).
    bias
        (filters,) or None.
    strides, padding, dilation_rate, groups
        As for `cnnx.layers.Conv2D`.

    Returns
    -------
    Array (batch, rows, columns, filters).

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    c = _Convolution("conv2d", x, kernel, strides, padding, dilation_rate, groups)
    dst = np.empty(c.output_shape, np.float32)
    _core.conv2d_forward(c.x, c.kernel, _vector(bias, c.filters, "conv2d: bias"), dst, *c.windows)
    return dst


def conv2d_backward(
    x: Any,
    kernel: Any,
    dy: Any,
    strides: int | Pair = 1,
    padding: Any = "valid",
    dilation_rate: int | Pair = 1,
    groups: int = 1,
) -> tuple[Float, Float, Float]:
    """
    Return the gradients of `conv2d` with respect to x, kernel and bias.

    Parameters
    ----------
    x, kernel, strides, padding, dilation_rate, groups
        As they were given to `conv2d`.
    dy
        Gradient with respect to its result.
    """
    c = _Convolution("conv2d_backward", x, kernel, strides, padding, dilation_rate, groups)
    name = "conv2d_backward: dy"
    gradient = _expect(as_float32(dy, name), c.output_shape, name)
    dx, dw = np.empty_like(c.x), np.empty_like(c.kernel)
    db = np.empty(c.filters, np.float32)
    _core.conv2d_backward_data(gradient, c.kernel, dx, *c.windows)
    _core.conv2d_backward_weights(c.x, gradient, dw, db, *c.windows)
    return dx, dw, db


def im2col(
    x: Any,
    kernel_size: int | Pair,
    strides: int | Pair = 1,
    padding: Any = "valid",
    dilation_rate: int | Pair = 1,
) -> Float:
    """
    Return the windows of images as the rows of a matrix: a convolution is then a matrix product.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    kernel_size, strides, padding, dilation_rate
        As for `cnnx.layers.Conv2D`.

    Returns
    -------
    Matrix (batch * rows * columns, kernel height * kernel width * channels).
    """
    src = _array(x, "im2col: x", _IMAGE)
    window = geometry.pair(kernel_size, "im2col: kernel_size")
    stride_pair = geometry.pair(strides, "im2col: strides")
    dilation = geometry.pair(dilation_rate, "im2col: dilation_rate")
    normal = geometry.padding(padding, "im2col: padding")
    begin, size = geometry.place("im2col", src.shape[1:3], window, stride_pair, normal, dilation)
    rows = len(src) * size[0] * size[1]
    col = np.empty((rows, window[0] * window[1] * src.shape[3]), np.float32)
    _core.im2col(src, col, window, size, stride_pair, begin, dilation)
    return col


def _pool(
    operation: str, shape: tuple[int, ...], pool_size: Any, strides: Any, padding: Any
) -> tuple[tuple[Pair, Pair, Pair], tuple[int, ...]]:
    """Return the core's arguments and the shape of the result."""
    size = geometry.pair(pool_size, f"{operation}: pool_size")
    steps = size if strides is None else geometry.pair(strides, f"{operation}: strides")
    normal = geometry.padding(padding, f"{operation}: padding")
    geometry.check_pool_padding(operation, size, normal)
    placement: Placement = geometry.place(
        operation, (shape[1], shape[2]), size, steps, normal, window="pool"
    )
    return (size, steps, placement.padding), (shape[0], *placement.output_size, shape[3])


def max_pool2d(
    x: Any, pool_size: int | Pair = 2, strides: int | Pair | None = None, padding: Any = "valid"
) -> Float:
    """
    Return the largest pixel of each window, channel by channel; padding takes no part.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    pool_size, strides, padding
        As for `cnnx.layers.MaxPooling2D`.
    """
    src = _array(x, "max_pool2d: x", _IMAGE)
    windows, shape = _pool("max_pool2d", src.shape, pool_size, strides, padding)
    dst = np.empty(shape, np.float32)
    _core.max_pool2d_forward(src, dst, None, *windows)
    return dst


def max_pool2d_backward(
    x: Any,
    dy: Any,
    pool_size: int | Pair = 2,
    strides: int | Pair | None = None,
    padding: Any = "valid",
) -> Float:
    """
    Return the gradient of `max_pool2d` with respect to x; the first of equal pixels receives it.

    Parameters
    ----------
    x, pool_size, strides, padding
        As they were given to `max_pool2d`.
    dy
        Gradient with respect to its result.
    """
    src = _array(x, "max_pool2d_backward: x", _IMAGE)
    windows, shape = _pool("max_pool2d_backward", src.shape, pool_size, strides, padding)
    name = "max_pool2d_backward: dy"
    gradient = _expect(as_float32(dy, name), shape, name)
    argmax = np.empty(shape, np.int32)
    _core.max_pool2d_forward(src, np.empty(shape, np.float32), argmax, *windows)
    dx = np.empty_like(src)
    _core.max_pool2d_backward(gradient, argmax, dx, *windows)
    return dx


def avg_pool2d(
    x: Any, pool_size: int | Pair = 2, strides: int | Pair | None = None, padding: Any = "valid"
) -> Float:
    """
    Return the average of each window's pixels inside the image, channel by channel.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    pool_size, strides, padding
        As for `cnnx.layers.AveragePooling2D`.
    """
    src = _array(x, "avg_pool2d: x", _IMAGE)
    windows, shape = _pool("avg_pool2d", src.shape, pool_size, strides, padding)
    dst = np.empty(shape, np.float32)
    _core.avg_pool2d_forward(src, dst, *windows)
    return dst


def avg_pool2d_backward(
    x: Any,
    dy: Any,
    pool_size: int | Pair = 2,
    strides: int | Pair | None = None,
    padding: Any = "valid",
) -> Float:
    """
    Return the gradient of `avg_pool2d` with respect to x.

    Parameters
    ----------
    x, pool_size, strides, padding
        As they were given to `avg_pool2d`.
    dy
        Gradient with respect to its result.
    """
    src = _array(x, "avg_pool2d_backward: x", _IMAGE)
    windows, shape = _pool("avg_pool2d_backward", src.shape, pool_size, strides, padding)
    name = "avg_pool2d_backward: dy"
    dx = np.empty_like(src)
    _core.avg_pool2d_backward(_expect(as_float32(dy, name), shape, name), dx, *windows)
    return dx


def dense(x: Any, kernel: Any, bias: Any = None) -> Float:
    """
    Return x kernel + bias.

    Parameters
    ----------
    x
        (batch, inputs).
    kernel
        (inputs, units).
    bias
        (units,) or None.
    """
    src = _array(x, "dense: x", "batch inputs")
    weights = _array(kernel, "dense: kernel", "inputs units")
    _expect(weights, (src.shape[1], weights.shape[1]), "dense: kernel")
    dst = np.empty((len(src), weights.shape[1]), np.float32)
    _core.dense_forward(src, weights, _vector(bias, weights.shape[1], "dense: bias"), dst)
    return dst


def dense_backward(x: Any, kernel: Any, dy: Any) -> tuple[Float, Float, Float]:
    """
    Return the gradients of `dense` with respect to x, kernel and bias.

    Parameters
    ----------
    x, kernel
        As they were given to `dense`.
    dy
        Gradient with respect to its result.
    """
    src = _array(x, "dense_backward: x", "batch inputs")
    weights = _array(kernel, "dense_backward: kernel", "inputs units")
    _expect(weights, (src.shape[1], weights.shape[1]), "dense_backward: kernel")
    name = "dense_backward: dy"
    gradient = _expect(as_float32(dy, name), (len(src), weights.shape[1]), name)
    dx, dw = np.empty_like(src), np.empty_like(weights)
    db = np.empty(weights.shape[1], np.float32)
    _core.dense_backward_data(gradient, weights, dx)
    _core.dense_backward_weights(src, gradient, dw, db)
    return dx, dw, db


def matmul(a: Any, b: Any) -> Float:
    """Return the product of two matrices, (m, k) by (k, n), without copying transposed ones."""
    left, transpose_a = _matrix(a, "matmul: a")
    right, transpose_b = _matrix(b, "matmul: b")
    m, k = left.shape[::-1] if transpose_a else left.shape
    rows, n = right.shape[::-1] if transpose_b else right.shape
    if k != rows:
        raise ValueError(f"matmul: shapes {(m, k)} and {(rows, n)} don't fit: {k} != {rows}")
    c = np.zeros((m, n), np.float32)
    if c.size and k:
        _core.sgemm(left, right, c, transpose_a, transpose_b, False)
    return c


def _matrix(value: Any, name: str) -> tuple[Float, bool]:
    """Return a contiguous matrix, and whether it is the transpose of `value`."""
    if isinstance(value, np.ndarray) and value.ndim == 2 and value.flags.f_contiguous:
        return _array(value.T, name, "rows columns"), True
    return _array(value, name, "rows columns"), False


def relu(x: Any) -> Float:
    """Return max(x, 0) of an array of any shape."""
    return activations.relu(x)


def sigmoid(x: Any) -> Float:
    """Return 1 / (1 + exp(-x)) of an array of any shape."""
    return activations.sigmoid(x)


def tanh(x: Any) -> Float:
    """Return the hyperbolic tangent of an array of any shape."""
    return activations.tanh(x)


def softmax(x: Any) -> Float:
    """Return exp(x_i) / sum_j exp(x_j) over the last axis of an array of any shape."""
    return activations.softmax(x)


def relu_backward(y: Any, dy: Any) -> Float:
    """Return dy where y = relu(x) is positive, else 0."""
    return _activation_backward(activations.relu, y, dy)


def sigmoid_backward(y: Any, dy: Any) -> Float:
    """Return the gradient dy y (1 - y) of y = sigmoid(x)."""
    return _activation_backward(activations.sigmoid, y, dy)


def tanh_backward(y: Any, dy: Any) -> Float:
    """Return the gradient dy (1 - y^2) of y = tanh(x)."""
    return _activation_backward(activations.tanh, y, dy)


def softmax_backward(y: Any, dy: Any) -> Float:
    """Return the gradient y (dy - sum_j dy_j y_j) of y = softmax(x)."""
    return _activation_backward(activations.softmax, y, dy)


def _activation_backward(function: activations.Activation, y: Any, dy: Any) -> Float:
    name = f"{function.name}_backward"
    dst = as_float32(y, f"{name}: y")
    diff_dst = _expect(as_float32(dy, f"{name}: dy"), dst.shape, f"{name}: dy")
    diff_src = np.empty_like(dst)
    function.backward(dst, diff_dst, diff_src)
    return diff_src


def batch_norm(
    x: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3
) -> tuple[Float, Float, Float]:
    """
    Normalise a batch by its own statistics over all axes but the last.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    Parameters
    ----------
    x
        (batch, ..., channels).
    gamma, beta
        (channels,) or None for 1 and 0.
    epsilon
        Added to the variance, > 0.

    Returns
    -------
    y, and the mean and 1 / sqrt(variance + epsilon) of each channel.
    """
    src = _channels(x, "batch_norm: x")
    channels = src.shape[-1]
    mean, inv_std, moving_mean, moving_variance = np.zeros((4, channels), np.float32)
    dst = np.empty_like(src)
    _core.batch_norm_forward_training(
        src,
        _vector(gamma, channels, "batch_norm: gamma"),
        _vector(beta, channels, "batch_norm: beta"),
        dst,
        mean,
        inv_std,
        moving_mean,
        moving_variance,
        _epsilon(epsilon, "batch_norm"),
        0.0,
    )
    return dst, mean, inv_std


def batch_norm_inference(
    x: Any, mean: Any, variance: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3
) -> Float:
    """
    Normalise a batch by given statistics.

    Parameters
    ----------
    x
        (batch, ..., channels).
    mean, variance
        (channels,).
    gamma, beta
        (channels,) or None for 1 and 0.
    epsilon
        Added to the variance, > 0.
    """
    name = "batch_norm_inference"
    src = _channels(x, f"{name}: x")
    channels = src.shape[-1]
    moving_mean = _expect(as_float32(mean, f"{name}: mean"), (channels,), f"{name}: mean")
    moving_variance = as_float32(variance, f"{name}: variance")
    _expect(moving_variance, (channels,), f"{name}: variance")
    dst = np.empty_like(src)
    _core.batch_norm_forward_inference(
        src,
        _vector(gamma, channels, f"{name}: gamma"),
        _vector(beta, channels, f"{name}: beta"),
        moving_mean,
        moving_variance,
        dst,
        _epsilon(epsilon, name),
    )
    return dst


def batch_norm_backward(
    x: Any, dy: Any, gamma: Any = None, epsilon: float = 1e-3
) -> tuple[Float, Float, Float]:
    """
    Return the gradients of `batch_norm` with respect to x, gamma and beta.

    Parameters
    ----------
    x, gamma, epsilon
        As they were given to `batch_norm`.
    dy
        Gradient with respect to its result.
    """
    name = "batch_norm_backward"
    src = _channels(x, f"{name}: x")
    gradient = _expect(as_float32(dy, f"{name}: dy"), src.shape, f"{name}: dy")
    scale = _vector(gamma, src.shape[-1], f"{name}: gamma")
    _, mean, inv_std = batch_norm(src, scale, None, epsilon)
    dx, dgamma, dbeta = np.empty_like(src), np.empty_like(mean), np.empty_like(mean)
    _core.batch_norm_backward(src, gradient, scale, mean, inv_std, dx, dgamma, dbeta)
    return dx, dgamma, dbeta


def _channels(value: Any, name: str) -> Float:
    array = as_float32(value, name)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"{name} must be (batch, ..., channels), got shape {array.shape}")
    return array


def _epsilon(value: float, operation: str) -> float:
    return geometry.number(value, f"{operation}: epsilon", 1e-12, float("inf"))


def dropout(x: Any, rate: float, seed: int) -> Float:
    """
    Return x with elements set to 0 with probability `rate` and the others divided by 1 - rate.

    The choice depends on the seed and the element's position alone, so that the same call on a
    gradient is the backward pass.

    Parameters
    ----------
    x
        Array of any shape.
    rate
        In [0, 1).
    seed
        A whole number in [0, 2**64).
    """
    src = as_float32(x, "dropout: x")
    dst = np.empty_like(src)
    share = geometry.number(rate, "dropout: rate", 0, 1)
    _core.dropout(src, dst, share, geometry.integer(seed, "dropout: seed", minimum=0, limit=2**64))
    return dst
