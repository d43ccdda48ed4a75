"""Stochastic gradient descent."""

from typing import Any

from cnnx import _core
from cnnx.geometry import number
from cnnx.optimizers.optimizer import Optimizer, Segment
from cnnx.optimizers.schedules import LearningRateSchedule


class SGD(Optimizer):
    r"""
    Gradient descent, with momentum if asked for.

    With the gradient g, the rate, and mu for the momentum:

    .. math::

        v \leftarrow \mu v - \mathrm{rate} \cdot g

        \theta \leftarrow \theta + v

    or, by Nesterov (Sutskever et al. 2013),

    .. math::

        \theta \leftarrow \theta + \mu v - \mathrm{rate} \cdot g

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    momentum
        In [0, 1].
    nesterov
        Whether to look ahead along the velocity.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    name = "sgd"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = number(momentum, "SGD: momentum", 0, 1, include_high=True)
        self.nesterov = bool(nesterov)
        self.slot_names = ("velocity",) if self.momentum else ()

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        velocity = segment.slots[0] if segment.slots else None
        _core.sgd_step(
            segment.parameters,
            segment.gradients,
            velocity,
            learning_rate,
            self.momentum,
            self.nesterov,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}
