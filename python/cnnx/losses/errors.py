"""Functions of the error."""

import math

from cnnx.geometry import number
from cnnx.losses.elementwise import ElementwiseLoss


class MeanSquaredError(ElementwiseLoss):
    """The mean over outputs of (output - target)^2; the mean over samples."""

    name = "mean_squared_error"
    function = "squared"


class HalfSquaredError(ElementwiseLoss):
    """Half the sum over outputs of (output - target)^2, so that the gradient is output - target."""

    name = "half_squared_error"
    function = "half_squared"
    mean = False


class MeanAbsoluteError(ElementwiseLoss):
    """The mean size of output - target over the outputs; its derivative at 0 is 0."""

    name = "mean_absolute_error"
    function = "absolute"


class MeanAbsolutePercentageError(ElementwiseLoss):
    """
    The mean over outputs of 100 |output - target| / max(|target|, 1e-7).

    Its derivative is 0 where output and target are equal.
    """

    name = "mean_absolute_percentage_error"
    function = "percentage"


class MeanSquaredLogarithmicError(ElementwiseLoss):
    """The mean over outputs of (log(1 + output) - log(1 + target))^2; both count as 1e-7 below."""

    name = "mean_squared_logarithmic_error"
    function = "logarithmic"


class Huber(ElementwiseLoss):
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

    function = "huber"
    arguments = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.delta = number(delta, f"{self.name}: delta", 0, math.inf)


class LogCosh(ElementwiseLoss):
    """The mean over outputs of log(cosh(output - target))."""

    function = "log_cosh"
