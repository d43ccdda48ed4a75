"""Products of matrices."""

from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import Float, as_float32, empty
from cnnx.ops.arguments import array, expect, vector


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
    src = array(x, "dense: x", "batch inputs")
    weights = array(kernel, "dense: kernel", "inputs units")
    expect(weights, (src.shape[1], weights.shape[1]), "dense: kernel")
    dst = empty("dense", (len(src), weights.shape[1]))
    _core.dense_forward(src, weights, vector(bias, weights.shape[1], "dense: bias"), dst)
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
    src = array(x, "dense_backward: x", "batch inputs")
    weights = array(kernel, "dense_backward: kernel", "inputs units")
    expect(weights, (src.shape[1], weights.shape[1]), "dense_backward: kernel")
    name = "dense_backward: dy"
    gradient = expect(as_float32(dy, name), (len(src), weights.shape[1]), name)
    shapes = src.shape, weights.shape, weights.shape[1:]
    dx, dw, db = (empty("dense_backward", shape) for shape in shapes)
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
    c = empty("matmul", (m, n))
    if not k:
        c.fill(0)
    elif c.size:
        _core.sgemm(left, right, c, transpose_a, transpose_b, False)
    return c


def _matrix(value: Any, name: str) -> tuple[Float, bool]:
    """Return a contiguous matrix, and whether it is the transpose of `value`."""
    if isinstance(value, np.ndarray) and value.ndim == 2 and value.flags.f_contiguous:
        return array(value.T, name, "rows columns"), True
    return array(value, name, "rows columns"), False
