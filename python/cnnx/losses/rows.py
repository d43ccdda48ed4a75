"""Losses of rows of outputs, in NumPy and float64."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from cnnx.arrays import Array, Double, Float
from cnnx.losses.loss import Kernels, PlainLoss

_Function = Callable[[Any, Double], Double]

EPSILON = 1e-7
"""Keras' bound for quotients and logarithms."""


class RowLoss(PlainLoss):
    """
    A loss with a value for each row of outputs, and its derivatives.

    Parameters are those of `PlainLoss`.
    """

    def values(self, targets: Any, outputs: Double) -> Double:
        """Return the loss of each row of `outputs` (rows, n)."""
        raise NotImplementedError(f"{type(self).__name__} must implement values")

    def slopes(self, targets: Any, outputs: Double) -> Double:
        """Return the derivatives of the losses by the outputs (rows, n)."""
        raise NotImplementedError(f"{type(self).__name__} must implement slopes")

    @property
    def on_outputs(self) -> Kernels:
        """What computes the loss from rows of outputs."""
        return row_kernels(self.values, self.slopes)


def row_kernels(values: _Function, slopes: _Function) -> Kernels:
    """Return what computes a loss from rows of outputs, of its `values` and `slopes` in float64."""
    return Kernels(partial(_forward, values), partial(_backward, slopes))


def _forward(values: _Function, outputs: Float, targets: Array, losses: Float) -> None:
    losses[...] = values(as_double(targets), as_double(outputs))


def _backward(
    slopes: _Function,
    outputs: Float,
    targets: Array,
    weights: Float | None,
    scale: float,
    gradient: Float,
) -> None:
    by_output = slopes(as_double(targets), as_double(outputs))
    gradient[...] = by_output * row_factors(weights, scale)


def as_double(array: Array) -> Any:
    """Return floats in float64, and labels as they are."""
    return array.astype(np.float64) if array.dtype == np.float32 else array


def row_factors(weights: Float | None, scale: float) -> Any:
    """Return what the derivatives of each row are multiplied by."""
    return scale if weights is None else scale * weights[:, None].astype(np.float64)
