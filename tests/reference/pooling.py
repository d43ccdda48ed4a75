"""Maxima, means and sums of windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.arrays import Array, Pair, f64
from reference.windows import taps, window_counts


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
