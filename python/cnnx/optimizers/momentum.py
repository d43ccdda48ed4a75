"""Gradient descent along an average of the gradients."""

from typing import Any

from cnnx import _core
from cnnx.geometry import number
from cnnx.optimizers.optimizer import Optimizer, Segment
from cnnx.optimizers.schedules import LearningRateSchedule


class Momentum(Optimizer):
    r"""
    Gradient descent along the running average of the gradients (Polyak 1964).

    With the gradient g, and mu for the momentum:

    .. math::

        v \leftarrow \mu v - (1 - \mu) g

        \theta \leftarrow \theta + \mathrm{rate} \cdot v

    The defaults are those of textbooks. Without averaging, the gradient is not multiplied by
    1 - mu: steps are 1 / (1 - mu) times longer, and at a constant learning rate the same as those
    of `SGD` with momentum.

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    momentum
        Share of the old velocity kept at each step, in [0, 1).
    averaging
        Whether the velocity is an average, or a sum.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    name = "momentum"
    slot_names = ("velocity",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        momentum: float = 0.9,
        averaging: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = number(momentum, "Momentum: momentum", 0, 1)
        self.averaging = bool(averaging)

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        _core.momentum_step(
            segment.parameters,
            segment.gradients,
            segment.slots[0],
            learning_rate,
            self.momentum,
            1 - self.momentum if self.averaging else 1.0,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"momentum": self.momentum, "averaging": self.averaging}
