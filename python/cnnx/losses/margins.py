"""Losses of margins, as of support vector machines."""

from typing import Any

from cnnx import _core
from cnnx.losses.elementwise import ElementwiseLoss
from cnnx.losses.loss import Kernels, PlainLoss


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


class CategoricalHinge(PlainLoss):
    """
    max(1 + largest output of a wrong class - output of the right one, 0); one-hot targets.

    Of equal outputs the first wrong class has the whole derivative, which is 0 for a margin of 1.
    """

    on_outputs = Kernels(_core.categorical_hinge_forward, _core.categorical_hinge_backward)
