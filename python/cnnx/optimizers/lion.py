"""Lion."""

from typing import Any

from cnnx import _core
from cnnx.geometry import number
from cnnx.optimizers.optimizer import Optimizer, Segment
from cnnx.optimizers.schedules import LearningRateSchedule


class Lion(Optimizer):
    r"""
    Descent by the sign of an average of the gradients (Chen et al. 2023, Algorithm 2).

    With the gradient g:

    .. math::

        \theta \leftarrow \theta - \mathrm{rate} \cdot
        \mathrm{sign}(\beta_1 m + (1 - \beta_1) g)

        m \leftarrow \beta_2 m + (1 - \beta_2) g

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`; a third to a tenth of Adam's serves best.
    beta_1
        Share of the average in the step, in (0, 1].
    beta_2
        Share of the old average kept at each step, in [0, 1).
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    name = "lion"
    slot_names = ("m",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(beta_1, "Lion: beta_1", 1e-30, 1, include_high=True)
        self.beta_2 = number(beta_2, "Lion: beta_2", 0, 1)

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        _core.lion_step(
            segment.parameters,
            segment.gradients,
            segment.slots[0],
            learning_rate,
            self.beta_1,
            self.beta_2,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2}
