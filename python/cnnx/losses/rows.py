"""Losses of rows of outputs, in NumPy and float64."""

from typing import Any

import numpy as np

from cnnx.arrays import Array, Double, Float
from cnnx.losses.loss import Kernels, PlainLoss

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
        return Kernels(self._forward_rows, self._backward_rows)

    def _forward_rows(self, outputs: Float, targets: Array, losses: Float) -> None:
        losses[...] = self.values(as_double(targets), as_double(outputs))

    def _backward_rows(
        self, outputs: Float, targets: Array, weights: Float | None, scale: float, gradient: Float
    ) -> None:
        slopes = self.slopes(as_double(targets), as_double(outputs))
        gradient[...] = slopes * row_factors(weights, scale)


def as_double(array: Array) -> Any:
    """Return floats in float64, and labels as they are."""
    return array.astype(np.float64) if array.dtype == np.float32 else array


def row_factors(weights: Float | None, scale: float) -> Any:
    """Return what the derivatives of each row are multiplied by."""
    return scale if weights is None else scale * weights[:, None].astype(np.float64)
