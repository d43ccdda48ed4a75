"""Functions of the error."""

import math

import numpy as np

from cnnx import _core
from cnnx.arrays import Double
from cnnx.geometry import number
from cnnx.losses.loss import Kernels, PlainLoss
from cnnx.losses.rows import EPSILON, RowLoss


class MeanSquaredError(PlainLoss):
    """The mean over outputs of (output - target)^2; the mean over samples."""

    name = "mean_squared_error"
    on_outputs = Kernels(_core.mean_squared_error_forward, _core.mean_squared_error_backward)


class HalfSquaredError(PlainLoss):
    """Half the sum over outputs of (output - target)^2, so that the gradient is output - target."""

    name = "half_squared_error"
    on_outputs = Kernels(_core.half_squared_error_forward, _core.half_squared_error_backward)


class MeanAbsoluteError(PlainLoss):
    """The mean size of output - target over the outputs; its derivative at 0 is 0."""

    name = "mean_absolute_error"
    on_outputs = Kernels(_core.mean_absolute_error_forward, _core.mean_absolute_error_backward)


class MeanAbsolutePercentageError(RowLoss):
    """The mean over outputs of 100 |output - target| / max(|target|, 1e-7)."""

    name = "mean_absolute_percentage_error"

    def values(self, targets: Double, outputs: Double) -> Double:
        """Return the loss of each row."""
        size = np.maximum(np.abs(targets), EPSILON)
        found: Double = 100 * np.mean(np.abs(outputs - targets) / size, axis=1)
        return found

    def slopes(self, targets: Double, outputs: Double) -> Double:
        """Return the derivatives; 0 where output and target are equal."""
        size = np.maximum(np.abs(targets), EPSILON)
        found: Double = np.sign(outputs - targets) * (100 / targets.shape[1]) / size
        return found


class MeanSquaredLogarithmicError(RowLoss):
    """The mean over outputs of (log(1 + output) - log(1 + target))^2; both count as 1e-7 below."""

    name = "mean_squared_logarithmic_error"

    def values(self, targets: Double, outputs: Double) -> Double:
        """Return the loss of each row."""
        found: Double = np.square(_log_difference(targets, outputs)).mean(axis=1)
        return found

    def slopes(self, targets: Double, outputs: Double) -> Double:
        """Return the derivatives."""
        inner = 2 / targets.shape[1] * _log_difference(targets, outputs)
        found: Double = np.where(outputs > EPSILON, inner / (1 + np.maximum(outputs, EPSILON)), 0)
        return found


def _log_difference(targets: Double, outputs: Double) -> Double:
    difference: Double = np.log1p(np.maximum(outputs, EPSILON)) - np.log1p(
        np.maximum(targets, EPSILON)
    )
    return difference


class Huber(RowLoss):
    """
    The mean over outputs of e^2 / 2 for errors |e| <= delta, else delta |e| - delta^2 / 2.

    Source: Huber (1964).

    Parameters
    ----------
    delta
        Where the parabola becomes a line, > 0.
    reduction, name
        As for `Loss`.
    """

    arguments = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.delta = number(delta, f"{self.name}: delta", 0, math.inf)

    def values(self, targets: Double, outputs: Double) -> Double:
        """Return the loss of each row."""
        size = np.abs(outputs - targets)
        near = np.minimum(size, self.delta)
        found: Double = (near * (size - near / 2)).mean(axis=1)
        return found

    def slopes(self, targets: Double, outputs: Double) -> Double:
        """Return the derivatives."""
        found: Double = np.clip(outputs - targets, -self.delta, self.delta) / targets.shape[1]
        return found


class LogCosh(RowLoss):
    """The mean over outputs of log(cosh(output - target))."""

    def values(self, targets: Double, outputs: Double) -> Double:
        """Return the loss of each row."""
        size = np.abs(outputs - targets)
        found: Double = (size + np.log1p(np.exp(-2 * size)) - math.log(2)).mean(axis=1)
        return found

    def slopes(self, targets: Double, outputs: Double) -> Double:
        """Return the derivatives."""
        found: Double = np.tanh(outputs - targets) / targets.shape[1]
        return found
