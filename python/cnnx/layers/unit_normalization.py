"""Samples of length 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Float, Shape
from cnnx.layers.axes_layer import AxesLayer
from cnnx.layers.call import Call

_LEAST = 1e-12
"""Smallest length that is divided by: what is 0 stays 0."""


class UnitNormalization(AxesLayer):
    r"""
    Give what lies along an axis the Euclidean length 1, so that its direction is left.

    .. math::

        y = \frac{x}{\max(\lVert x \rVert_2, 10^{-12})}

    Parameters
    ----------
    axis
        Axis or axes whose elements belong together, the batch being axis 0: -1 is the last.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(axis, **kwargs)

    def build(self, input_shape: Shape) -> None:
        """Check that there are such axes."""
        self.axes(len(input_shape))

    def forward(self, call: Call, x: Float) -> None:
        """Write x over its length."""
        np.divide(x, length(x, self.axes(x.ndim)), out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient of x."""
        (x,), (dx,) = call.xs, call.dx
        if dx is not None:
            axes = self.axes(x.ndim)
            np.copyto(dx, unit_gradient(dy, call.y, length(x, axes), axes))


def length(x: Float, axes: int | tuple[int, ...]) -> Float:
    """Return the Euclidean length along axes, which stay as extents of 1."""
    squares = np.square(x, dtype=np.float64).sum(axis=axes, keepdims=True)
    lengths: Float = np.maximum(np.sqrt(squares), _LEAST).astype(np.float32)
    return lengths


def unit_gradient(dy: Float, y: Float, lengths: Float, axes: int | tuple[int, ...]) -> Float:
    """Return the gradient of x, of which y has length 1: (dy - y sum(dy y)) / length."""
    gradient: Float = (dy - y * (dy * y).sum(axis=axes, keepdims=True)) / lengths
    return gradient
