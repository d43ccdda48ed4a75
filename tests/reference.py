"""The oracle: each operation of cnnx written again from its equation, in NumPy and float64.

Loops go over output pixels and window taps; only channels and the batch are left to NumPy. Nothing
here is shared with the library. Sizes in pairs are (height, width), padding is (top, left).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Pair = tuple[int, int]
CLIP = 1e-7


def f64(values: ArrayLike) -> Array:
    return np.asarray(values, np.float64)


# --- matrix products ------------------------------------------------------------------------------


def matmul(a: ArrayLike, b: ArrayLike) -> Array:
    """c[i, j] = sum_k a[i, k] b[k, j]."""
    a, b = f64(a), f64(b)
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            c[i, j] = np.sum(a[i] * b[:, j])
    return c


def dense_forward(src: ArrayLike, weights: ArrayLike, bias: ArrayLike | None) -> Array:
    """dst[b, o] = sum_i src[b, i] weights[i, o] + bias[o]."""
    return matmul(src, weights) + (0.0 if bias is None else f64(bias))


def dense_backward(
    src: ArrayLike, weights: ArrayLike, diff_dst: ArrayLike
) -> tuple[Array, Array, Array]:
    """diff_src = dY W^T, diff_weights = X^T dY, diff_bias = sum_b dY."""
    return (
        matmul(diff_dst, f64(weights).T),
        matmul(f64(src).T, diff_dst),
        f64(diff_dst).sum(axis=0),
    )


# --- sliding windows ------------------------------------------------------------------------------


def taps(
    input_size: Pair,
    output_size: Pair,
    kernel_size: Pair,
    strides: Pair,
    padding: Pair,
    dilation: Pair = (1, 1),
) -> Iterator[tuple[int, int, int, int, int, int]]:
    """
    Output pixel (y, x), tap (ky, kx) and input pixel (row, column) of every tap in the image.

    A stride of 0 shares out the pixels along its axis.
    """

    def places(axis: int, i: int, k: int) -> Iterator[tuple[int, int]]:
        n, m = input_size[axis], output_size[axis]
        start, end = i * strides[axis] - padding[axis], n
        if strides[axis] == 0:
            start, end = math.floor(i * n / m), math.ceil((i + 1) * n / m)
        for tap in range(k):
            if 0 <= start + tap * dilation[axis] < end:
                yield tap, start + tap * dilation[axis]

    for y in range(output_size[0]):
        for x in range(output_size[1]):
            for ky, row in places(0, y, kernel_size[0]):
                for kx, column in places(1, x, kernel_size[1]):
                    yield y, x, ky, kx, row, column


def im2col(
    src: ArrayLike,
    kernel_size: Pair,
    output_size: Pair,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
) -> Array:
    """Row (b, y, x) holds the window of that output pixel in the order (ky, kx, channel)."""
    src = f64(src)
    mb, ih, iw, ic = src.shape
    col = np.zeros((mb, *output_size, *kernel_size, ic))
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, kernel_size, strides, padding, dilation):
        col[:, y, x, ky, kx] = src[:, r, c]
    return col.reshape(mb * math.prod(output_size), math.prod(kernel_size) * ic)


def group_slices(channels: int, groups: int) -> list[slice]:
    size = channels // groups
    return [slice(g * size, (g + 1) * size) for g in range(groups)]


def rotated_by_pi(weights: ArrayLike) -> Array:
    """The kernel turned by 180 degrees: tap (ky, kx) is (kh - 1 - ky, kw - 1 - kx) of `weights`."""
    weights = f64(weights)
    turned = np.empty_like(weights)
    kh, kw = weights.shape[:2]
    for ky in range(kh):
        for kx in range(kw):
            turned[ky, kx] = weights[kh - 1 - ky, kw - 1 - kx]
    return turned


def conv2d_forward(
    src: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None,
    output_size: Pair,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    rotated: bool = False,
) -> Array:
    """dst[b, y, x, o] = bias[o] + sum_{ky, kx, i} src[b, row, column, i] weights[ky, kx, i, o].

    For a true convolution, the weights of tap (kh - 1 - ky, kw - 1 - kx).
    """
    src, weights = f64(src), rotated_by_pi(weights) if rotated else f64(weights)
    mb, ih, iw, ic = src.shape
    kh, kw, _, oc = weights.shape
    dst = np.zeros((mb, *output_size, oc))
    if bias is not None:
        dst += f64(bias)
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, (kh, kw), strides, padding, dilation):
        for i, o in zip(group_slices(ic, groups), group_slices(oc, groups), strict=True):
            dst[:, y, x, o] += src[:, r, c, i] @ weights[ky, kx, :, o]
    return dst


def conv2d_backward(
    src: ArrayLike,
    weights: ArrayLike,
    diff_dst: ArrayLike,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    rotated: bool = False,
) -> tuple[Array, Array, Array]:
    """Each tap's product of the forward pass, differentiated by the pixel and by the weight."""
    src, diff_dst = f64(src), f64(diff_dst)
    weights = rotated_by_pi(weights) if rotated else f64(weights)
    _, ih, iw, ic = src.shape
    kh, kw, _, oc = weights.shape
    size = (diff_dst.shape[1], diff_dst.shape[2])
    diff_src, diff_weights = np.zeros(src.shape), np.zeros(weights.shape)
    for y, x, ky, kx, r, c in taps((ih, iw), size, (kh, kw), strides, padding, dilation):
        for i, o in zip(group_slices(ic, groups), group_slices(oc, groups), strict=True):
            diff_src[:, r, c, i] += diff_dst[:, y, x, o] @ weights[ky, kx, :, o].T
            diff_weights[ky, kx, :, o] += src[:, r, c, i].T @ diff_dst[:, y, x, o]
    diff_weights = rotated_by_pi(diff_weights) if rotated else diff_weights
    return diff_src, diff_weights, diff_dst.sum(axis=(0, 1, 2))


def depthwise2d_forward(
    src: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None,
    output_size: Pair,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Array:
    """dst[b, y, x, c m + k] = bias + sum_{ky, kx} src[b, row, column, c] weights[ky, kx, c, k]."""
    src, weights = f64(src), f64(weights)
    mb, ih, iw, ic = src.shape
    kh, kw, _, m = weights.shape
    dst = np.zeros((mb, *output_size, ic * m))
    if bias is not None:
        dst += f64(bias)
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, (kh, kw), strides, padding, dilation):
        for k in range(m):
            dst[:, y, x, k::m] += src[:, r, c] * weights[ky, kx, :, k]
    return dst


def depthwise2d_backward(
    src: ArrayLike,
    weights: ArrayLike,
    diff_dst: ArrayLike,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> tuple[Array, Array, Array]:
    """Each product of the forward pass, differentiated by the pixel and by the weight."""
    src, weights, diff_dst = f64(src), f64(weights), f64(diff_dst)
    _, ih, iw, _ = src.shape
    kh, kw, _, m = weights.shape
    size = (diff_dst.shape[1], diff_dst.shape[2])
    diff_src, diff_weights = np.zeros(src.shape), np.zeros(weights.shape)
    for y, x, ky, kx, r, c in taps((ih, iw), size, (kh, kw), strides, padding, dilation):
        for k in range(m):
            gradient = diff_dst[:, y, x, k::m]
            diff_src[:, r, c] += gradient * weights[ky, kx, :, k]
            diff_weights[ky, kx, :, k] += (gradient * src[:, r, c]).sum(axis=0)
    return diff_src, diff_weights, diff_dst.sum(axis=(0, 1, 2))


def separable2d_forward(
    src: ArrayLike,
    depthwise: ArrayLike,
    pointwise: ArrayLike,
    bias: ArrayLike | None,
    output_size: Pair,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Array:
    """A depthwise convolution, and one of single pixels."""
    middle = depthwise2d_forward(src, depthwise, None, output_size, strides, padding, dilation)
    return conv2d_forward(middle, pointwise, bias, output_size)


def separable2d_backward(
    src: ArrayLike,
    depthwise: ArrayLike,
    pointwise: ArrayLike,
    diff_dst: ArrayLike,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> tuple[Array, Array, Array, Array]:
    """One after the other, by the chain rule."""
    windows = (strides, padding, dilation)
    size = (np.shape(diff_dst)[1], np.shape(diff_dst)[2])
    middle = depthwise2d_forward(src, depthwise, None, size, *windows)
    diff_middle, diff_pointwise, diff_bias = conv2d_backward(middle, pointwise, diff_dst)
    diff_src, diff_depthwise, _ = depthwise2d_backward(src, depthwise, diff_middle, *windows)
    return diff_src, diff_depthwise, diff_pointwise, diff_bias


def conv2d_transpose_forward(
    src: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None,
    output_size: Pair,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """dst[b, row, column, o] = bias[o] + the sum of src[b, y, x, i] weights[ky, kx, o, i].

    Over all y, x, ky, kx that a convolution of dst would meet at (row, column).
    """
    src, weights = f64(src), f64(weights)
    mb, ih, iw, ic = src.shape
    kh, kw, of_group, _ = weights.shape
    dst = np.zeros((mb, *output_size, of_group * groups))
    for y, x, ky, kx, r, c in taps(output_size, (ih, iw), (kh, kw), strides, padding, dilation):
        for o, i in zip(
            group_slices(of_group * groups, groups), group_slices(ic, groups), strict=True
        ):
            dst[:, r, c, o] += src[:, y, x, i] @ weights[ky, kx, :, i].T
    return dst if bias is None else dst + f64(bias)


def conv2d_transpose_backward(
    src: ArrayLike,
    weights: ArrayLike,
    diff_dst: ArrayLike,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """Each product of the forward pass, differentiated by the pixel and by the weight."""
    src, weights, diff_dst = f64(src), f64(weights), f64(diff_dst)
    kh, kw, of_group, ic = weights.shape
    size, image = (src.shape[1], src.shape[2]), (diff_dst.shape[1], diff_dst.shape[2])
    diff_src, diff_weights = np.zeros(src.shape), np.zeros(weights.shape)
    for y, x, ky, kx, r, c in taps(image, size, (kh, kw), strides, padding, dilation):
        for o, i in zip(
            group_slices(of_group * groups, groups), group_slices(ic, groups), strict=True
        ):
            diff_src[:, y, x, i] += diff_dst[:, r, c, o] @ weights[ky, kx, :, i]
            diff_weights[ky, kx, :, i] += diff_dst[:, r, c, o].T @ src[:, y, x, i]
    return diff_src, diff_weights, diff_dst.sum(axis=(0, 1, 2))


def bias_backward(
    src: ArrayLike, bias: ArrayLike, diff_dst: ArrayLike, multiply: bool
) -> tuple[Array, Array]:
    """Of dst = src + bias or src bias, where bias (...) is broadcast over src's first axes."""
    src, bias, diff_dst = f64(src), f64(bias), f64(diff_dst)
    axes = tuple(range(src.ndim - bias.ndim))
    if multiply:
        return diff_dst * bias, (diff_dst * src).sum(axis=axes)
    return diff_dst, diff_dst.sum(axis=axes)


def max_pool2d_forward(
    src: ArrayLike, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> tuple[Array, NDArray[np.int32]]:
    """The first maximum of the pixels inside and its place ky * kw + kx; NaN is the largest."""
    src = f64(src)
    mb, ih, iw, ch = src.shape
    dst = np.full((mb, *output_size, ch), np.nan)
    argmax = np.full(dst.shape, -1, np.int32)
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, pool_size, strides, padding):
        value, best, place = src[:, r, c], dst[:, y, x], argmax[:, y, x]
        better = (place < 0) | (value > best) | (np.isnan(value) & ~np.isnan(best))
        best[better] = value[better]
        place[better] = ky * pool_size[1] + kx
    return dst, argmax


def max_pool2d_backward(
    diff_dst: ArrayLike,
    argmax: NDArray[np.int32],
    input_size: Pair,
    pool_size: Pair,
    strides: Pair,
    padding: Pair,
) -> Array:
    """The gradient of an output goes to the pixel that was its maximum."""
    diff_dst = f64(diff_dst)
    mb, oh, ow, ch = diff_dst.shape
    diff_src = np.zeros((mb, *input_size, ch))
    for y, x, ky, kx, r, c in taps(input_size, (oh, ow), pool_size, strides, padding):
        chosen = argmax[:, y, x] == ky * pool_size[1] + kx
        diff_src[:, r, c] += np.where(chosen, diff_dst[:, y, x], 0.0)
    return diff_src


def window_counts(
    input_size: Pair, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """How many pixels of the image each window sees, (oh, ow, 1)."""
    counts = np.zeros((*output_size, 1))
    for y, x, *_ in taps(input_size, output_size, pool_size, strides, padding):
        counts[y, x] += 1
    return counts


def avg_pool2d_forward(
    src: ArrayLike, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """The mean of the pixels inside."""
    src = f64(src)
    mb, ih, iw, ch = src.shape
    dst = np.zeros((mb, *output_size, ch))
    for y, x, _, _, r, c in taps((ih, iw), output_size, pool_size, strides, padding):
        dst[:, y, x] += src[:, r, c]
    return dst / window_counts((ih, iw), output_size, pool_size, strides, padding)


def avg_pool2d_backward(
    diff_dst: ArrayLike, input_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """Every pixel inside receives an equal share."""
    diff_dst = f64(diff_dst)
    mb, oh, ow, ch = diff_dst.shape
    share = diff_dst / window_counts(input_size, (oh, ow), pool_size, strides, padding)
    diff_src = np.zeros((mb, *input_size, ch))
    for y, x, _, _, r, c in taps(input_size, (oh, ow), pool_size, strides, padding):
        diff_src[:, r, c] += share[:, y, x]
    return diff_src


def sum_pool2d_forward(
    src: ArrayLike, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """The sum of the pixels inside."""
    window = (pool_size, strides, padding)
    size = (np.shape(src)[1], np.shape(src)[2])
    mean = avg_pool2d_forward(src, output_size, *window)
    return mean * window_counts(size, output_size, *window)


def sum_pool2d_backward(
    diff_dst: ArrayLike, input_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """Every pixel inside receives the whole."""
    window = (pool_size, strides, padding)
    size = (np.shape(diff_dst)[1], np.shape(diff_dst)[2])
    return avg_pool2d_backward(
        f64(diff_dst) * window_counts(input_size, size, *window), input_size, *window
    )


# --- other places and sizes -----------------------------------------------------------------------


def permuted(src: ArrayLike, dims: tuple[int, ...]) -> Array:
    """Each element at its indices in another order."""
    src = f64(src)
    dst = np.zeros((len(src), *(src.shape[axis] for axis in dims)))
    for place in np.ndindex(src.shape):
        dst[(place[0], *(place[axis] for axis in dims))] = src[place]
    return dst


def zero_padded(src: ArrayLike, sides: tuple[Pair, ...]) -> Array:
    """Zeros, and each element moved by what lies before it."""
    src = f64(src)
    extents = [n + sum(pair) for n, pair in zip(src.shape[1:-1], sides, strict=True)]
    dst = np.zeros((len(src), *extents, src.shape[-1]))
    for place in np.ndindex(src.shape[1:-1]):
        there = tuple(i + before for i, (before, _) in zip(place, sides, strict=True))
        dst[(slice(None), *there)] = src[(slice(None), *place)]
    return dst


def cropped(src: ArrayLike, sides: tuple[Pair, ...]) -> Array:
    """The gradient of padding."""
    src = f64(src)
    extents = [n - sum(pair) for n, pair in zip(src.shape[1:-1], sides, strict=True)]
    dst = np.zeros((len(src), *extents, src.shape[-1]))
    for place in np.ndindex(*extents):
        there = tuple(i + before for i, (before, _) in zip(place, sides, strict=True))
        dst[(slice(None), *place)] = src[(slice(None), *there)]
    return dst


def shares(i: int, n: int, factor: int, interpolation: str) -> dict[int, float]:
    """How much of which of n pixels is in pixel i of a line that is `factor` times as long."""
    if interpolation == "nearest":
        return {i // factor: 1.0}
    place = min(max((i + 0.5) / factor - 0.5, 0.0), n - 1.0)
    low = math.floor(place)
    return {low: 1 - (place - low), min(low + 1, n - 1): place - low} if place > low else {low: 1.0}


def upsampled(src: ArrayLike, size: Pair, interpolation: str = "nearest") -> Array:
    """Each pixel from the shares of those around it."""
    src = f64(src)
    n, h, w, c = src.shape
    dst = np.zeros((n, h * size[0], w * size[1], c))
    for i, j in np.ndindex(dst.shape[1:3]):
        for row, a in shares(i, h, size[0], interpolation).items():
            for column, b in shares(j, w, size[1], interpolation).items():
                dst[:, i, j] += a * b * src[:, row, column]
    return dst


def upsampled_backward(diff_dst: ArrayLike, size: Pair, interpolation: str = "nearest") -> Array:
    """Each gradient goes, in the same shares, to where the pixel came from."""
    diff_dst = f64(diff_dst)
    n, rows, columns, c = diff_dst.shape
    h, w = rows // size[0], columns // size[1]
    diff_src = np.zeros((n, h, w, c))
    for i, j in np.ndindex(rows, columns):
        for row, a in shares(i, h, size[0], interpolation).items():
            for column, b in shares(j, w, size[1], interpolation).items():
                diff_src[:, row, column] += a * b * diff_dst[:, i, j]
    return diff_src


# --- elementwise and rows -------------------------------------------------------------------------


def relu_forward(src: ArrayLike) -> Array:
    """max(x, 0)."""
    return np.maximum(f64(src), 0.0)


def relu_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy where y > 0, and 0 at x = 0."""
    return np.where(f64(dst) > 0, f64(diff_dst), 0.0)


def sigmoid_forward(src: ArrayLike) -> Array:
    """1 / (1 + e^-x), with e^-|x| so that nothing overflows."""
    src = f64(src)
    small = np.exp(-np.abs(src))
    return np.where(src >= 0, 1.0, small) / (1.0 + small)


def sigmoid_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy y (1 - y)."""
    return f64(diff_dst) * f64(dst) * (1.0 - f64(dst))


def tanh_forward(src: ArrayLike) -> Array:
    """tanh x."""
    return np.tanh(f64(src))


def tanh_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (1 - y^2)."""
    return f64(diff_dst) * (1.0 - f64(dst) ** 2)


def arctan_forward(src: ArrayLike) -> Array:
    """arctan x."""
    return np.arctan(f64(src))


def arctan_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / (1 + x^2) with x = tan y."""
    return f64(diff_dst) / (1.0 + np.tan(f64(dst)) ** 2)


def elu_forward(src: ArrayLike, alpha: float = 1.0) -> Array:
    """x, below 0 alpha (e^x - 1)."""
    return np.where(f64(src) > 0, f64(src), alpha * np.expm1(np.minimum(f64(src), 0)))


def elu_backward(dst: ArrayLike, diff_dst: ArrayLike, alpha: float = 1.0) -> Array:
    """dy, below 0 dy alpha e^x = dy (y + alpha)."""
    return f64(diff_dst) * np.where(f64(dst) > 0, 1.0, f64(dst) + alpha)


def leaky_relu_forward(src: ArrayLike, slope: float = 0.2) -> Array:
    """x, below 0 slope x."""
    return f64(src) * np.where(f64(src) > 0, 1.0, slope)


def leaky_relu_backward(dst: ArrayLike, diff_dst: ArrayLike, slope: float = 0.2) -> Array:
    """dy, below 0 slope dy."""
    return f64(diff_dst) * np.where(f64(dst) > 0, 1.0, slope)


def softplus_forward(src: ArrayLike) -> Array:
    """log(1 + e^x)."""
    return np.logaddexp(0.0, f64(src))


def softplus_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / (1 + e^-x) = dy (1 - e^-y)."""
    return f64(diff_dst) * -np.expm1(-f64(dst))


def exponential_forward(src: ArrayLike) -> Array:
    """e^x."""
    return np.exp(f64(src))


def exponential_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy y."""
    return f64(diff_dst) * f64(dst)


def relu6_forward(src: ArrayLike) -> Array:
    """max(x, 0), at most 6."""
    return np.minimum(relu_forward(src), 6.0)


def relu6_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy where 0 < y < 6."""
    return np.where((f64(dst) > 0) & (f64(dst) < 6), f64(diff_dst), 0.0)


SELU = 1.0507009873554805, 1.6732632423543772


def selu_forward(src: ArrayLike) -> Array:
    """1.0507 x, below 0 1.0507 1.6733 (e^x - 1) (Klambauer et al. 2017, equation 2)."""
    scale, alpha = SELU
    return scale * np.where(f64(src) > 0, f64(src), alpha * np.expm1(np.minimum(f64(src), 0)))


def selu_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """1.0507 dy, below 0 dy (y + 1.0507 1.6733)."""
    scale, alpha = SELU
    return f64(diff_dst) * np.where(f64(dst) > 0, scale, f64(dst) + scale * alpha)


def softsign_forward(src: ArrayLike) -> Array:
    """x / (1 + |x|)."""
    return f64(src) / (1.0 + np.abs(f64(src)))


def softsign_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / (1 + |x|)^2 = dy (1 - |y|)^2."""
    return f64(diff_dst) * (1.0 - np.abs(f64(dst))) ** 2


def hard_sigmoid_forward(src: ArrayLike) -> Array:
    """(x + 3) / 6, in [0, 1]."""
    return np.minimum(np.maximum(f64(src) / 6.0 + 0.5, 0.0), 1.0)


def hard_sigmoid_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / 6 where 0 < y < 1."""
    return np.where((f64(dst) > 0) & (f64(dst) < 1), f64(diff_dst) / 6.0, 0.0)


def hard_tanh_forward(src: ArrayLike) -> Array:
    """x, in [-1, 1]."""
    return np.minimum(np.maximum(f64(src), -1.0), 1.0)


def hard_tanh_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy where -1 < y < 1."""
    return np.where((f64(dst) > -1) & (f64(dst) < 1), f64(diff_dst), 0.0)


def log_sigmoid_forward(src: ArrayLike) -> Array:
    """-log(1 + e^-x)."""
    return -np.logaddexp(0.0, -f64(src))


def log_sigmoid_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (1 - sigmoid(x)) = dy (1 - e^y)."""
    return f64(diff_dst) * (1.0 - np.exp(f64(dst)))


def log_softmax_forward(src: ArrayLike, axis: int = -1) -> Array:
    """x - log sum_j e^x_j along an axis."""
    shifted = f64(src) - f64(src).max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def log_softmax_backward(dst: ArrayLike, diff_dst: ArrayLike, axis: int = -1) -> Array:
    """dy_i - e^y_i sum_j dy_j."""
    return f64(diff_dst) - np.exp(f64(dst)) * f64(diff_dst).sum(axis=axis, keepdims=True)


def silu_forward(src: ArrayLike) -> Array:
    """x sigmoid(x)."""
    return f64(src) * sigmoid_forward(src)


def silu_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (s + x s (1 - s)) with s = sigmoid(x)."""
    s = sigmoid_forward(src)
    return f64(diff_dst) * (s + f64(src) * s * (1.0 - s))


def normal_probability(x: ArrayLike) -> Array:
    """P(x) = erfc(-x / sqrt(2)) / 2."""
    return np.vectorize(lambda z: math.erfc(-z / math.sqrt(2)) / 2, otypes=[float])(f64(x))


def gelu_forward(src: ArrayLike) -> Array:
    """x P(x) (Hendrycks & Gimpel 2016)."""
    return f64(src) * normal_probability(src)


def gelu_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (P(x) + x p(x)) with the density p(x) = e^(-x^2 / 2) / sqrt(2 pi)."""
    src = f64(src)
    density = np.exp(-(src**2) / 2) / math.sqrt(2 * math.pi)
    return f64(diff_dst) * (normal_probability(src) + src * density)


def mish_forward(src: ArrayLike) -> Array:
    """x tanh(log(1 + e^x)) (Misra 2019)."""
    return f64(src) * np.tanh(np.logaddexp(0.0, f64(src)))


def mish_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (t + x (1 - t^2) sigmoid(x)) with t = tanh(log(1 + e^x))."""
    t = np.tanh(np.logaddexp(0.0, f64(src)))
    return f64(diff_dst) * (t + f64(src) * (1.0 - t**2) * sigmoid_forward(src))


def hard_silu_forward(src: ArrayLike) -> Array:
    """x (x + 3) / 6 with the second factor in [0, 1]."""
    return f64(src) * hard_sigmoid_forward(src)


def hard_silu_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """0 below -3, dy above 3, dy (2 x + 3) / 6 between."""
    src = f64(src)
    return f64(diff_dst) * np.where(src < -3, 0.0, np.where(src > 3, 1.0, (2 * src + 3) / 6))


def celu_forward(src: ArrayLike, alpha: float = 1.0) -> Array:
    """x, below 0 alpha (e^(x / alpha) - 1)."""
    return np.where(f64(src) > 0, f64(src), alpha * np.expm1(np.minimum(f64(src), 0) / alpha))


def celu_backward(dst: ArrayLike, diff_dst: ArrayLike, alpha: float = 1.0) -> Array:
    """dy, below 0 dy e^(x / alpha) = dy (y / alpha + 1)."""
    return f64(diff_dst) * np.where(f64(dst) > 0, 1.0, f64(dst) / alpha + 1.0)


def hard_shrink_forward(src: ArrayLike, threshold: float = 0.5) -> Array:
    """x where |x| > threshold, else 0."""
    return np.where(np.abs(f64(src)) > threshold, f64(src), 0.0)


def hard_shrink_backward(dst: ArrayLike, diff_dst: ArrayLike, threshold: float = 0.5) -> Array:
    """dy where y is not 0."""
    return np.where(f64(dst) != 0, f64(diff_dst), 0.0)


def soft_shrink_forward(src: ArrayLike, threshold: float = 0.5) -> Array:
    """x - threshold above it, x + threshold below -threshold, else 0."""
    src = f64(src)
    return np.maximum(src - threshold, 0) + np.minimum(src + threshold, 0)


def soft_shrink_backward(dst: ArrayLike, diff_dst: ArrayLike, threshold: float = 0.5) -> Array:
    """dy where y is not 0."""
    return np.where(f64(dst) != 0, f64(diff_dst), 0.0)


def squareplus_forward(src: ArrayLike, b: float = 4.0) -> Array:
    """(x + sqrt(x^2 + b)) / 2; below 0 b / 2 / (sqrt(x^2 + b) - x), where the sum would cancel."""
    src, root = f64(src), np.hypot(f64(src), math.sqrt(b))
    return np.where(src > 0, (src + root) / 2, b / 2 / (root + np.abs(src)))


def squareplus_backward(dst: ArrayLike, diff_dst: ArrayLike, b: float = 4.0) -> Array:
    """dy (1 + x / sqrt(x^2 + b)) / 2 = dy y^2 / (y^2 + b / 4)."""
    return f64(diff_dst) / (1 + b / 4 / f64(dst) ** 2)


def gelu_tanh_forward(src: ArrayLike) -> Array:
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2; the second factor as a sigmoid."""
    src = f64(src)
    return src * sigmoid_forward(2 * math.sqrt(2 / math.pi) * (src + 0.044715 * src**3))


def gelu_tanh_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (s + x s (1 - s) v') with s = sigmoid(v)."""
    src = f64(src)
    scale = 2 * math.sqrt(2 / math.pi)
    s = sigmoid_forward(scale * (src + 0.044715 * src**3))
    slope = scale * (1 + 3 * 0.044715 * src**2)
    return f64(diff_dst) * (s + src * s * (1 - s) * slope)


def tanh_shrink_forward(src: ArrayLike) -> Array:
    """x - tanh x; near 0 x^3 / 3 - 2 x^5 / 15 + 17 x^7 / 315, where the difference cancels."""
    src = f64(src)
    series = src**3 / 3 - 2 * src**5 / 15 + 17 * src**7 / 315
    return np.where(np.abs(src) < 0.02, series, src - np.tanh(src))


def tanh_shrink_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy tanh^2 x."""
    return f64(diff_dst) * np.tanh(f64(src)) ** 2


def threshold_forward(src: ArrayLike, threshold: float = 0.0, value: float = 0.0) -> Array:
    """x above the threshold, else the value."""
    return np.where(f64(src) > threshold, f64(src), value)


def threshold_backward(
    src: ArrayLike, diff_dst: ArrayLike, threshold: float = 0.0, value: float = 0.0
) -> Array:
    """dy above the threshold, else 0."""
    return np.where(f64(src) > threshold, f64(diff_dst), 0.0)


def rectifier_forward(
    src: ArrayLike, max_value: float = math.inf, slope: float = 0.0, threshold: float = 0.0
) -> Array:
    """min(x, max_value) above the threshold, slope (x - threshold) below."""
    src = f64(src)
    return np.where(src > threshold, np.minimum(src, max_value), slope * (src - threshold))


def rectifier_backward(
    dst: ArrayLike,
    diff_dst: ArrayLike,
    max_value: float = math.inf,
    slope: float = 0.0,
    threshold: float = 0.0,
) -> Array:
    """dy where the function rises, slope dy where its value is below 0."""
    dst = f64(dst)
    return f64(diff_dst) * (((dst > 0) & (dst < max_value)) + slope * (dst < 0))


def unit_length(src: ArrayLike, axes: int | tuple[int, ...] = -1) -> Array:
    """x over the root of the sum of its squares along axes."""
    src = f64(src)
    return src / np.sqrt((src * src).sum(axis=axes, keepdims=True))


def rms_normalised(
    src: ArrayLike, scale: ArrayLike, epsilon: float, axes: int | tuple[int, ...] = -1
) -> Array:
    """x over the root of the mean of its squares along axes, times a scale."""
    src = f64(src)
    return scale * src / np.sqrt((src * src).mean(axis=axes, keepdims=True) + epsilon)


def prelu_forward(src: ArrayLike, alpha: ArrayLike) -> Array:
    """x, below 0 alpha x."""
    return np.maximum(f64(src), 0) + f64(alpha) * np.minimum(f64(src), 0)


def softmax_forward(src: ArrayLike, axis: int = -1) -> Array:
    """e^(x - max) over its row's sum."""
    src = f64(src)
    powers = np.exp(src - src.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def softmax_backward(dst: ArrayLike, diff_dst: ArrayLike, axis: int = -1) -> Array:
    """y_i (dy_i - sum_j dy_j y_j)."""
    dst, diff_dst = f64(dst), f64(diff_dst)
    return dst * (diff_dst - (dst * diff_dst).sum(axis=axis, keepdims=True))


# --- normalisation and dropout --------------------------------------------------------------------


def batch_norm_forward(
    src: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    epsilon: float,
) -> Array:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta; with given or the batch's statistics."""
    return f64(gamma) * (f64(src) - f64(mean)) / np.sqrt(f64(variance) + epsilon) + f64(beta)


def batch_norm_statistics(src: ArrayLike) -> tuple[Array, Array]:
    """Mean and biased variance of every channel."""
    rows = f64(src).reshape(-1, np.shape(src)[-1])
    mean = rows.mean(axis=0)
    return mean, ((rows - mean) ** 2).mean(axis=0)


def batch_norm_backward(
    src: ArrayLike, diff_dst: ArrayLike, gamma: ArrayLike, epsilon: float
) -> tuple[Array, Array, Array]:
    """With x^ = (x - mean) / std: dx = gamma / std (dy - mean(dy) - x^ mean(dy x^))."""
    src, diff_dst = f64(src), f64(diff_dst)
    mean, variance = batch_norm_statistics(src)
    std = np.sqrt(variance + epsilon)
    normal = (src - mean) / std
    axes = tuple(range(src.ndim - 1))
    diff_beta = diff_dst.sum(axis=axes)
    diff_gamma = (diff_dst * normal).sum(axis=axes)
    rows = src.size // src.shape[-1]
    diff_src = f64(gamma) / std * (diff_dst - diff_beta / rows - normal * diff_gamma / rows)
    return diff_src, diff_gamma, diff_beta


def normalised_together(
    src: ArrayLike, gamma: ArrayLike, beta: ArrayLike, epsilon: float, together: NDArray[Any]
) -> Array:
    """Each sample by itself: elements with the same number in `together` have one mean."""
    src = f64(src)
    normal = np.zeros_like(src)
    for x, y in zip(src, normal, strict=True):
        for number in np.unique(together):
            group = x[together == number]
            mean = group.sum() / group.size
            variance = ((group - mean) ** 2).sum() / group.size
            y[together == number] = (group - mean) / math.sqrt(variance + epsilon)
    return f64(gamma) * normal + f64(beta)


def groups_of_channels(shape: tuple[int, ...], groups: int) -> NDArray[Any]:
    """The number of the group of each element of a sample, for `normalised_together`."""
    numbers = np.zeros(shape, int)
    for channel in range(shape[-1]):
        numbers[..., channel] = channel // (shape[-1] // groups)
    return numbers


def pixels(shape: tuple[int, ...]) -> NDArray[Any]:
    """The number of the pixel of each element of a sample, for `normalised_together`."""
    numbers = np.zeros(shape, int)
    for number, place in enumerate(np.ndindex(shape[:-1])):
        numbers[place] = number
    return numbers


def philox4x32_10(counter: int, seed: int, row: int = 0) -> list[int]:
    """Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", section 3.3."""
    mask = 0xFFFFFFFF
    words = [counter & mask, counter >> 32, row & mask, row >> 32]
    keys = [seed & mask, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * words[0], 0xCD9E8D57 * words[2]
        words = [(b >> 32) ^ words[1] ^ keys[0], b & mask, (a >> 32) ^ words[3] ^ keys[1], a & mask]
        keys = [(keys[0] + 0x9E3779B9) & mask, (keys[1] + 0xBB67AE85) & mask]
    return words


def random_words(count: int, seed: int) -> NDArray[np.int64]:
    """One 32-bit word for each element."""
    blocks = [philox4x32_10(i, seed) for i in range((count + 3) // 4)]
    return np.array(blocks, np.int64).ravel()


def dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """x / (1 - rate) where the element's random number is at least rate, else 0."""
    src = f64(src)
    uniform = random_words(src.size, seed)[: src.size] / 2**32
    return np.where(uniform.reshape(src.shape) >= rate, src / (1.0 - rate), 0.0)


def gaussian_dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """Times 1 + sqrt(rate / (1 - rate)) z, with z from pairs of words by Box & Muller (1958)."""
    src = f64(src)
    uniform = (random_words(src.size, seed) // 2**8) / 2**24  # float32 holds 24 bits
    radius, angle = np.sqrt(-2 * np.log(1 - uniform[::2])), 2 * np.pi * uniform[1::2]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()[: src.size]
    return src * (1 + math.sqrt(rate / (1 - rate)) * z.reshape(src.shape))


def spatial_dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """Dropout of whole channels: one number for each channel of each sample."""
    src = f64(src)
    factors = dropout(np.ones((len(src), src.shape[-1])), rate, seed)
    y = np.zeros_like(src)
    for n, channel in np.ndindex(factors.shape):
        y[n, ..., channel] = src[n, ..., channel] * factors[n, channel]
    return y


def shared_dropout(src: ArrayLike, rate: float, seed: int, shape: tuple[int, ...]) -> Array:
    """Dropout with one number for all elements along the axes where `shape` is 1."""
    src = f64(src)
    factors = dropout(np.ones(shape), rate, seed)
    y = np.zeros_like(src)
    for place in np.ndindex(src.shape):
        own = tuple(i if n > 1 else 0 for i, n in zip(place, shape, strict=True))
        y[place] = src[place] * factors[own]
    return y


def alpha_dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """What is dropped becomes the limit of selu; then mean 0 and variance 1 are restored."""
    limit = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
    a = ((1 - rate) * (1 + rate * limit**2)) ** -0.5
    kept = dropout(np.ones(np.shape(src)), rate, seed) > 0
    return a * np.where(kept, f64(src), limit) - a * rate * limit


def gaussian_noise(src: ArrayLike, stddev: float, seed: int) -> Array:
    """Plus stddev z; a dropout of 1/2 multiplies by 1 + z."""
    z = gaussian_dropout(np.ones(np.shape(src)), 0.5, seed) - 1
    return f64(src) + stddev * z


# --- merging and resizing -------------------------------------------------------------------------


def weighted_sum(srcs: list[NDArray[np.float32]], factors: list[float]) -> Array:
    """sum_k factors[k] srcs[k]."""
    total = np.zeros(srcs[0].shape)
    for src, factor in zip(srcs, factors, strict=True):
        total += factor * f64(src)
    return total


def product(srcs: list[NDArray[np.float32]]) -> Array:
    """srcs[0] srcs[1] ...."""
    result = np.ones(srcs[0].shape)
    for src in srcs:
        result *= f64(src)
    return result


def maximum(srcs: list[NDArray[np.float32]]) -> tuple[Array, NDArray[np.int64]]:
    """The largest and the number of the first array that has it; NaN is the largest."""
    best, number = f64(srcs[0]).copy(), np.zeros(srcs[0].shape, np.int64)
    for k, src in enumerate(srcs[1:], 1):
        value = f64(src)
        better = (value > best) | (np.isnan(value) & ~np.isnan(best))
        best[better] = value[better]
        number[better] = k
    return best, number


def zero_pad2d(src: ArrayLike, size: Pair, padding: Pair) -> Array:
    """src from pixel (top, left) on, among zeros."""
    src = f64(src)
    dst = np.zeros((src.shape[0], *size, src.shape[3]))
    for y in range(src.shape[1]):
        for x in range(src.shape[2]):
            dst[:, y + padding[0], x + padding[1]] = src[:, y, x]
    return dst


def crop2d(src: ArrayLike, size: Pair, cropping: Pair) -> Array:
    """src from pixel (top, left) on."""
    src = f64(src)
    dst = np.zeros((src.shape[0], *size, src.shape[3]))
    for y in range(size[0]):
        for x in range(size[1]):
            dst[:, y, x] = src[:, y + cropping[0], x + cropping[1]]
    return dst


def upsample_shares(n: int, factor: int, interpolation: str) -> Array:
    """shares[i, j]: pixel i of the large axis holds so much of pixel j of the small one."""
    shares = np.zeros((n * factor, n))
    for i in range(n * factor):
        if interpolation == "nearest":
            shares[i, i // factor] = 1
            continue
        place = (i + 0.5) / factor - 0.5
        below = math.floor(place)
        for j in (below, below + 1):
            shares[i, min(max(j, 0), n - 1)] += 1 - abs(place - j)
    return shares


def upsample2d_forward(src: ArrayLike, factors: Pair, interpolation: str) -> Array:
    """dst[y, x] = sum_ij rows[y, i] columns[x, j] src[i, j]."""
    src = f64(src)
    rows = upsample_shares(src.shape[1], factors[0], interpolation)
    columns = upsample_shares(src.shape[2], factors[1], interpolation)
    dst = np.zeros((src.shape[0], len(rows), len(columns), src.shape[3]))
    for (y, i), row in np.ndenumerate(rows):
        for (x, j), column in np.ndenumerate(columns):
            dst[:, y, x] += row * column * src[:, i, j]
    return dst


def upsample2d_backward(diff_dst: ArrayLike, factors: Pair, interpolation: str) -> Array:
    """Each pixel's gradient goes, in the same shares, to where the pixel came from."""
    diff_dst = f64(diff_dst)
    mb, h, w, c = diff_dst.shape
    rows = upsample_shares(h // factors[0], factors[0], interpolation)
    columns = upsample_shares(w // factors[1], factors[1], interpolation)
    diff_src = np.zeros((mb, h // factors[0], w // factors[1], c))
    for (y, i), row in np.ndenumerate(rows):
        for (x, j), column in np.ndenumerate(columns):
            diff_src[:, i, j] += row * column * diff_dst[:, y, x]
    return diff_src


# --- losses: one a row, and its gradient by the outputs -------------------------------------------


def one_hot(labels: NDArray[np.int64], n: int) -> Array:
    return np.eye(n)[labels]


def log_softmax(logits: ArrayLike) -> Array:
    shifted = f64(logits) - f64(logits).max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """-sum t log softmax(z); by z: p sum(t) - t, which is p - t for targets that sum to 1."""
    targets = f64(targets)
    losses = -(targets * log_softmax(logits)).sum(axis=-1)
    return losses, softmax_forward(logits) * targets.sum(axis=-1, keepdims=True) - targets


def sigmoid_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of max(z, 0) - z t + log(1 + e^-|z|); by z: (p - t) / n."""
    logits, targets = f64(logits), f64(targets)
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return losses.mean(axis=-1), (sigmoid_forward(logits) - targets) / logits.shape[-1]


def clipped(probs: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Probabilities clipped to [1e-7, 1 - 1e-7], and where the clip left them alone."""
    low, high = float(np.float32(CLIP)), float(np.float32(1) - np.float32(CLIP))
    probs = f64(probs)
    return np.clip(probs, low, high), (probs >= low) & (probs <= high)


def categorical_cross_entropy(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """-sum t log p with p = y / sum y; by p: -t / p; by y: (by p - sum of p by p) / sum y.

    Where the sum is 1 but for 1e-4, or 0, p = y.
    """
    y, t = f64(outputs), f64(targets)
    sums = y.sum(axis=-1, keepdims=True)
    is_one = (np.abs(sums - 1) <= 1e-4) | (sums == 0)
    sums = np.where(is_one, 1.0, sums)
    p, inside = clipped(y / sums)
    by_p = np.where(inside, -t / p, 0.0)
    by_y = (by_p - (by_p * p).sum(axis=-1, keepdims=True)) / sums
    return -(t * np.log(p)).sum(axis=-1), np.where(is_one, by_p, by_y)


def binary_cross_entropy(probs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of -t log p - (1 - t) log(1 - p); by p: (p - t) / (p (1 - p)) / n."""
    (p, inside), t = clipped(probs), f64(targets)
    losses = -(t * np.log(p) + (1 - t) * np.log1p(-p))
    return losses.mean(axis=-1), np.where(inside, (p - t) / (p * (1 - p)), 0.0) / p.shape[-1]


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of (y - t)^2; by y: 2 (y - t) / n."""
    error = f64(outputs) - f64(targets)
    return (error**2).mean(axis=-1), 2 * error / error.shape[-1]


def half_squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """sum of (y - t)^2 / 2; by y: y - t."""
    error = f64(outputs) - f64(targets)
    return (error**2).sum(axis=-1) / 2, error


def mean_absolute_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of |y - t|; by y: sign(y - t) / n."""
    error = f64(outputs) - f64(targets)
    return np.abs(error).mean(axis=-1), np.sign(error) / error.shape[-1]


# --- optimizer steps ------------------------------------------------------------------------------


def sgd_step(
    params: ArrayLike,
    grads: ArrayLike,
    velocity: ArrayLike,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Array, Array]:
    """v = momentum v - rate g; p += v, or p += momentum v - rate g by Nesterov."""
    step = learning_rate * f64(grads)
    velocity = momentum * f64(velocity) - step
    return f64(params) + (momentum * velocity - step if nesterov else velocity), velocity


def adam_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    peak: ArrayLike | None,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> tuple[Array, ...]:
    """Kingma & Ba (2015), Algorithm 1; with a peak Reddi et al. (2018), Algorithm 2."""
    m = beta_1 * f64(m) + (1 - beta_1) * f64(grads)
    v = beta_2 * f64(v) + (1 - beta_2) * f64(grads) ** 2
    seen = v if peak is None else np.maximum(f64(peak), v)
    m_hat, v_hat = m / (1 - beta_1**step), seen / (1 - beta_2**step)
    after = f64(params) - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return (after, m, v) if peak is None else (after, m, v, seen)


def nadam_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    m_share: float,
    grad_share: float,
    step: int,
) -> tuple[Array, Array, Array]:
    """Adam's step with m_share m + grad_share g for the unbiased m."""
    m = beta_1 * f64(m) + (1 - beta_1) * f64(grads)
    v = beta_2 * f64(v) + (1 - beta_2) * f64(grads) ** 2
    ahead = m_share * m + grad_share * f64(grads)
    root = np.sqrt(v / (1 - beta_2**step))
    return f64(params) - learning_rate * ahead / (root + epsilon), m, v


def adamax_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    u: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> tuple[Array, Array, Array]:
    """Kingma & Ba (2015), Algorithm 2."""
    m = beta_1 * f64(m) + (1 - beta_1) * f64(grads)
    u = np.maximum(beta_2 * f64(u), np.abs(f64(grads)))
    return f64(params) - learning_rate / (1 - beta_1**step) * m / (u + epsilon), m, u


def adadelta_step(
    params: ArrayLike,
    grads: ArrayLike,
    squares: ArrayLike,
    moves: ArrayLike,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> tuple[Array, Array, Array]:
    """Zeiler (2012), Algorithm 1, times a rate."""
    squares = rho * f64(squares) + (1 - rho) * f64(grads) ** 2
    move = np.sqrt(f64(moves) + epsilon) / np.sqrt(squares + epsilon) * f64(grads)
    moves = rho * f64(moves) + (1 - rho) * move**2
    return f64(params) - learning_rate * move, squares, moves


def lion_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
) -> tuple[Array, Array]:
    """Chen et al. (2023), Algorithm 2, without decay."""
    sign = np.sign(beta_1 * f64(m) + (1 - beta_1) * f64(grads))
    return f64(params) - learning_rate * sign, beta_2 * f64(m) + (1 - beta_2) * f64(grads)


def momentum_step(
    params: ArrayLike,
    grads: ArrayLike,
    velocity: ArrayLike,
    learning_rate: float,
    momentum: float,
    grad_share: float,
) -> tuple[Array, Array]:
    """v = momentum v - share g; p += rate v."""
    velocity = momentum * f64(velocity) - grad_share * f64(grads)
    return f64(params) + learning_rate * velocity, velocity


def rms_step(
    params: ArrayLike,
    grads: ArrayLike,
    squares: ArrayLike,
    mean: ArrayLike | None,
    velocity: ArrayLike | None,
    learning_rate: float,
    kept: float,
    added: float,
    inner_epsilon: float,
    outer_epsilon: float,
    momentum: float,
) -> dict[str, Array | None]:
    """s = kept s + added g^2; p -= momentum v + rate g / (sqrt(s - mean^2 + inner) + outer)."""
    squares = kept * f64(squares) + added * f64(grads) ** 2
    mean = None if mean is None else kept * f64(mean) + added * f64(grads)
    variance = squares if mean is None else np.maximum(squares - mean**2, 0)
    move = learning_rate * f64(grads) / (np.sqrt(variance + inner_epsilon) + outer_epsilon)
    velocity = None if velocity is None else momentum * f64(velocity) + move
    after = f64(params) - (move if velocity is None else velocity)
    return {"params": after, "squares": squares, "mean": mean, "velocity": velocity}


# --- norms ----------------------------------------------------------------------------------------


def penalty_gradient(src: ArrayLike, l1: float, l2: float) -> Array:
    """Of l1 sum |x| + l2 sum x^2."""
    return l1 * np.sign(f64(src)) + 2 * l2 * f64(src)


def limited_norms(
    array: ArrayLike, least: float, most: float, rate: float, epsilon: float
) -> Array:
    """Of (outer, reduced, inner): columns w times (rate clip(|w|) + (1 - rate) |w|) / (|w| + e)."""
    w = f64(array)
    norm = np.sqrt((w**2).sum(axis=1, keepdims=True))
    return w * (rate * np.clip(norm, least, most) + (1 - rate) * norm) / (norm + epsilon)


# --- derivatives by definition --------------------------------------------------------------------


def central_differences(
    f: Callable[[Array], Array | float], x: ArrayLike, epsilon: float = 1e-6
) -> Array:
    """d sum(f(x)) / dx, element by element: (f(x + e) - f(x - e)) / 2e."""
    x = f64(x).copy()
    gradient = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        value = x[i]
        x[i] = value + epsilon
        above = np.sum(f(x))
        x[i] = value - epsilon
        gradient[i] = (above - np.sum(f(x))) / (2 * epsilon)
        x[i] = value
    return gradient
