"""Several arrays as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference.arrays import Array, f64


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
