"""Products of matrices, and dense layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, f64


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
