"""Losses of single outputs, which the core computes."""

from functools import partial
from typing import ClassVar

from cnnx import _core
from cnnx.losses.loss import Kernels, PlainLoss


class ElementwiseLoss(PlainLoss):
    """
    The mean over a row's outputs, or their sum, of a function of each output and its target.

    Parameters are those of `PlainLoss`. Those named in `arguments` are attributes too; the function
    takes them.
    """

    function: ClassVar[str]
    """The name that the core has for it."""
    mean: ClassVar[bool] = True

    @property
    def on_outputs(self) -> Kernels:
        """What computes the loss from rows of outputs."""
        parameters = [float(getattr(self, name)) for name in self.arguments]
        return elementwise_kernels(self.function, parameters, self.mean)


def elementwise_kernels(function: str, parameters: list[float], mean: bool = True) -> Kernels:
    """Return what computes a function of the core, and its derivatives, from rows of outputs."""
    return Kernels(
        partial(_core.elementwise_loss_forward, function, parameters, mean),
        partial(_core.elementwise_loss_backward, function, parameters, mean),
    )


def sigmoid_kernels(function: str, parameters: list[float]) -> Kernels:
    """Return the same of outputs that are the sigmoid of logits, from the logits."""
    return Kernels(
        partial(_core.sigmoid_loss_forward, function, parameters, True),
        partial(_core.sigmoid_loss_backward, function, parameters, True),
    )
