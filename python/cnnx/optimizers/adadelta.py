"""Adadelta."""

from typing import Any

from cnnx import _core
from cnnx.geometry import number
from cnnx.optimizers.optimizer import Optimizer, Segment
from cnnx.optimizers.schedules import LearningRateSchedule


class Adadelta(Optimizer):
    r"""
    Descent by the gradient, in units of the moves before (Zeiler 2012).

    With the gradient g, its mean square s, the move d and its mean square m:

    .. math::

        s \leftarrow \rho s + (1 - \rho) g^2

        d = g \frac{\sqrt{m + \varepsilon}}{\sqrt{s + \varepsilon}}

        m \leftarrow \rho m + (1 - \rho) d^2

        \theta \leftarrow \theta - \mathrm{rate} \cdot d

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`; 1.0 is the paper's.
    rho
        Share of the old averages kept at each step, in [0, 1).
    epsilon
        Lets the first moves begin; > 0.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    name = "adadelta"
    slot_names = ("squares", "moves")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = number(rho, "Adadelta: rho", 0, 1)
        self.epsilon = number(epsilon, "Adadelta: epsilon", 1e-30, float("inf"))

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        squares, moves = segment.slots
        _core.adadelta_step(
            segment.parameters,
            segment.gradients,
            squares,
            moves,
            learning_rate,
            self.rho,
            self.epsilon,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"rho": self.rho, "epsilon": self.epsilon}
