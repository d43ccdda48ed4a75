"""The windows of convolutions and poolings, and the pixels that they meet."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, Pair, f64


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


def window_counts(
    input_size: Pair, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """How many pixels of the image each window sees, (oh, ow, 1)."""
    counts = np.zeros((*output_size, 1))
    for y, x, *_ in taps(input_size, output_size, pool_size, strides, padding):
        counts[y, x] += 1
    return counts
