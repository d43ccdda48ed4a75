"""Losses of margins, as of support vector machines."""

from typing import Any

import numpy as np

from cnnx.arrays import Double
from cnnx.losses.elementwise import ElementwiseLoss
from cnnx.losses.rows import RowLoss


def _signs(targets: Any) -> Any:
    """Return -1 and 1 for targets that are all 0 or 1, and others as they are."""
    binary = ((targets == 0) | (targets == 1)).all()
    return 2 * targets - 1 if binary else targets


class Hinge(ElementwiseLoss):
    """
    The mean over outputs of max(1 - target * output, 0); targets are -1 and 1, or 0 and 1.

    Its derivative is 0 where the margin is 1.
    """

    function = "hinge"

    def smooth(self, targets: Any) -> Any:
        """Return the targets as -1 and 1."""
        return _signs(targets)


class SquaredHinge(Hinge):
    """The mean over outputs of max(1 - target * output, 0)^2; targets as for `Hinge`."""

    name = "squared_hinge"
    function = "squared_hinge"


class CategoricalHinge(RowLoss):
    """max(1 + largest output of a wrong class - output of the right one, 0); one-hot targets."""

    def values(self, targets: Double, outputs: Double) -> Double:
        """Return the loss of each row."""
        return np.maximum(self._margin(targets, outputs), 0)

    def slopes(self, targets: Double, outputs: Double) -> Double:
        """Return the derivatives: of equal outputs the first wrong class has all."""
        found = -targets
        rows = np.arange(len(outputs))
        worst = ((1 - targets) * outputs).argmax(axis=1)
        found[rows, worst] += 1 - targets[rows, worst]
        found[self._margin(targets, outputs) <= 0] = 0
        return found

    def _margin(self, targets: Double, outputs: Double) -> Double:
        right = (targets * outputs).sum(axis=1)
        margin: Double = ((1 - targets) * outputs).max(axis=1) - right + 1
        return margin
