"""Convolutions of every kind, and biases."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, Pair, f64
from reference.windows import taps


def by_group(matrix: Array, groups: int) -> Array:
    """(rows, channels) as (groups, rows, channels of a group)."""
    return matrix.reshape(len(matrix), groups, -1).swapaxes(0, 1)


def side_by_side(matrices: Array) -> Array:
    """(groups, rows, channels of a group) as (rows, channels)."""
    groups, rows, channels = matrices.shape
    return matrices.swapaxes(0, 1).reshape(rows, groups * channels)


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
    mb, ih, iw, _ = src.shape
    kh, kw, _, oc = weights.shape
    dst = np.zeros((mb, *output_size, oc))
    if bias is not None:
        dst += f64(bias)
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, (kh, kw), strides, padding, dilation):
        pixel, weight = by_group(src[:, r, c], groups), by_group(weights[ky, kx], groups)
        dst[:, y, x] += side_by_side(pixel @ weight)
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
    _, ih, iw, _ = src.shape
    kh, kw, *_ = weights.shape
    size = (diff_dst.shape[1], diff_dst.shape[2])
    diff_src, diff_weights = np.zeros(src.shape), np.zeros(weights.shape)
    for y, x, ky, kx, r, c in taps((ih, iw), size, (kh, kw), strides, padding, dilation):
        pixel, weight = by_group(src[:, r, c], groups), by_group(weights[ky, kx], groups)
        gradient = by_group(diff_dst[:, y, x], groups)
        diff_src[:, r, c] += side_by_side(gradient @ weight.swapaxes(1, 2))
        diff_weights[ky, kx] += side_by_side(pixel.swapaxes(1, 2) @ gradient)
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
    mb, ih, iw, _ = src.shape
    kh, kw, of_group, _ = weights.shape
    dst = np.zeros((mb, *output_size, of_group * groups))
    for y, x, ky, kx, r, c in taps(output_size, (ih, iw), (kh, kw), strides, padding, dilation):
        pixel, weight = by_group(src[:, y, x], groups), by_group(weights[ky, kx], groups)
        dst[:, r, c] += side_by_side(pixel @ weight.swapaxes(1, 2))
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
    kh, kw, *_ = weights.shape
    size, image = (src.shape[1], src.shape[2]), (diff_dst.shape[1], diff_dst.shape[2])
    diff_src, diff_weights = np.zeros(src.shape), np.zeros(weights.shape)
    for y, x, ky, kx, r, c in taps(image, size, (kh, kw), strides, padding, dilation):
        pixel, weight = by_group(src[:, y, x], groups), by_group(weights[ky, kx], groups)
        gradient = by_group(diff_dst[:, r, c], groups)
        diff_src[:, y, x] += side_by_side(gradient @ weight)
        diff_weights[ky, kx] += side_by_side(gradient.swapaxes(1, 2) @ pixel)
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
