"""Losses of overlapping masks, for segmentation."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from cnnx.arrays import Array, Double
from cnnx.geometry import integer, number
from cnnx.losses.loss import Loss

EPSILON = 1e-7
"""Keras' bound for quotients."""

Axes: TypeAlias = int | Sequence[int] | None


class OverlapLoss(Loss):
    """
    What `Dice` and `Tversky` share: a quotient of sums over some axes.

    Without axes a batch has one loss. With axes that are not the batch's, such as (1, 2, 3), each
    sample has its own.
    """

    def __init__(self, name: str | None, reduction: str | None, axis: Axes) -> None:
        super().__init__(name, reduction)
        label = f"{self.name}: axis"
        several = isinstance(axis, (list, tuple))
        self.axis: int | list[int] | None = None
        if several:
            self.axis = [integer(item, label, minimum=-64) for item in axis]  # type: ignore[union-attr]
        elif axis is not None:
            self.axis = integer(axis, label, minimum=-64)

    def _axes(self, rank: int) -> tuple[int, ...]:
        if self.axis is None:
            return tuple(range(rank))
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        if any(not -rank <= item < rank for item in given):
            raise ValueError(f"{self.name}: axis={self.axis} is none of the {rank} axes")
        return tuple(sorted({item % rank for item in given}))

    def quotient(self, t: Double, p: Double, axes: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
        """Return numerator and denominator of the overlap, and their derivatives by p."""
        raise NotImplementedError(f"{type(self).__name__} must implement quotient")

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the targets; raises ValueError for another shape than the outputs'."""
        return self.fitted(y, output_shape, owner)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return 1 - overlap, for each sample or for the batch."""
        axes = self._axes(y_pred.ndim)
        over, under, _, _ = self.quotient(_double(y_true), _double(y_pred), axes)
        found = np.squeeze(1 - over / under, axes)
        return found.mean() if 0 in axes else found

    def derivative(self, y_true: Any, y_pred: Any) -> Any:
        """Return the derivatives by the predictions."""
        axes = self._axes(y_pred.ndim)
        over, under, d_over, d_under = self.quotient(_double(y_true), _double(y_pred), axes)
        groups = over.size if 0 in axes else over.size // len(over)
        return (over * d_under - d_over * under) / (under * under) / groups

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"axis": self.axis} | super().get_config()


class Dice(OverlapLoss):
    """
    1 - 2 sum(target * output) / (sum target + sum output + 1e-7) (Milletari et al. 2016).

    Parameters
    ----------
    reduction, name
        As for `Loss`.
    axis
        Over which to sum; by default all: a batch has one loss, and its samples cannot be weighted.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axes = None,
    ) -> None:
        super().__init__(name, reduction, axis)

    def quotient(self, t: Double, p: Double, axes: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
        """Return numerator and denominator of the overlap, and their derivatives by p."""
        over = 2 * (t * p).sum(axis=axes, keepdims=True)
        return over, (t + p).sum(axis=axes, keepdims=True) + EPSILON, 2 * t, 1.0


class Tversky(OverlapLoss):
    """
    1 - sum(t p) / (sum(t p) + alpha sum(t (1 - p)) + beta sum((1 - t) p) + 1e-7).

    t are the targets and p the outputs: alpha counts what is missed, beta what is found in vain, as
    Keras computes it (its documentation has them the other way). Source: Salehi et al. (2017).

    Parameters
    ----------
    alpha, beta
        Numbers >= 0; 0.5 each is `Dice`.
    reduction, name, axis
        As for `Dice`.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axes = None,
    ) -> None:
        super().__init__(name, reduction, axis)
        self.alpha = number(alpha, f"{self.name}: alpha", 0, math.inf)
        self.beta = number(beta, f"{self.name}: beta", 0, math.inf)

    def quotient(self, t: Double, p: Double, axes: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
        """Return numerator and denominator of the overlap, and their derivatives by p."""
        over = (t * p).sum(axis=axes, keepdims=True)
        missed = (t * (1 - p)).sum(axis=axes, keepdims=True)
        in_vain = ((1 - t) * p).sum(axis=axes, keepdims=True)
        under = over + self.alpha * missed + self.beta * in_vain + EPSILON
        return over, under, t, t - self.alpha * t + self.beta * (1 - t)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"alpha": self.alpha, "beta": self.beta} | super().get_config()


def _double(array: Any) -> Double:
    return np.asarray(array, np.float64)
