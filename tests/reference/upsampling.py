"""Images made larger."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, Pair, f64


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
