"""Distances of distributions and of directions."""

from typing import Any

import numpy as np

from cnnx.arrays import Array, Double
from cnnx.geometry import number
from cnnx.losses.cross_entropies import SparseCategoricalCrossentropy
from cnnx.losses.elementwise import ElementwiseLoss
from cnnx.losses.rows import EPSILON, RowLoss
from cnnx.losses.targets import require_last_axis, require_shares


class KLDivergence(ElementwiseLoss):
    """
    The sum over outputs of target log(target / output), in nats (Kullback & Leibler 1951).

    Both are kept from 1e-7 to 1; where that bites, the derivative is 0.
    """

    name = "kl_divergence"
    function = "divergence"
    mean = False

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the targets; raises ValueError for one outside 0 to 1."""
        targets = super().check_targets(y, output_shape, owner)
        require_shares(self.name, targets, owner)
        return targets


class Poisson(ElementwiseLoss):
    """
    The mean over outputs of output - target log(output + 1e-7): of counts that are expected.

    It is NaN for outputs below 0.
    """

    function = "poisson"


class CosineSimilarity(RowLoss):
    """
    Minus the cosine of the angle between outputs and targets: -1 where they point the same way.

    Parameters
    ----------
    axis
        -1: the last one.
    reduction, name
        As for `Loss`.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_last_axis(axis, self.name)

    def values(self, targets: Double, outputs: Double) -> Double:
        """Return the loss of each row; 0 where either is 0."""
        found: Double = -(_direction(targets)[0] * _direction(outputs)[0]).sum(axis=1)
        return found

    def slopes(self, targets: Double, outputs: Double) -> Double:
        """Return the derivatives."""
        t, (p, size) = _direction(targets)[0], _direction(outputs)
        found: Double = ((t * p).sum(axis=1, keepdims=True) * p - t) / size
        return found


def _direction(rows: Double) -> tuple[Double, Double]:
    """Return rows of length 1, and their lengths before, at least 1e-7."""
    size = np.maximum(np.sqrt(np.square(rows).sum(axis=1, keepdims=True)), EPSILON)
    return rows / size, size


class CategoricalGeneralizedCrossEntropy(RowLoss):
    """
    (1 - p^q) / q of the probability p of the labelled class (Zhang & Sabuncu 2018).

    Between cross-entropy (q near 0) and absolute error (q near 1): it forgives wrong labels.

    Parameters
    ----------
    q
        In (0, 1).
    reduction, name
        As for `Loss`.
    """

    name = "categorical_generalized_cross_entropy"
    sparse = True
    arguments = ("q",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.q = number(q, f"{self.name}: q", 2.0**-126, 1)

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the labels as int64 of shape `output_shape[:-1]`, all in range."""
        return SparseCategoricalCrossentropy(name=self.name).check_targets(y, output_shape, owner)

    def values(self, targets: Any, outputs: Double) -> Double:
        """Return the loss of each row."""
        found: Double = (1 - self._of_class(targets, outputs) ** self.q) / self.q
        return found

    def slopes(self, targets: Any, outputs: Double) -> Double:
        """Return the derivatives; those of a probability of 0 as of 1e-7."""
        found = np.zeros_like(outputs)
        p = np.maximum(self._of_class(targets, outputs), EPSILON)
        found[np.arange(len(outputs)), targets] = -(p ** (self.q - 1))
        return found

    def _of_class(self, labels: Any, outputs: Double) -> Double:
        chosen: Double = np.maximum(outputs[np.arange(len(outputs)), labels], 0)
        return chosen
