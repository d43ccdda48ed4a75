"""Adamax."""

from typing import Any

from cnnx import _core
from cnnx.optimizers.moments import Moments
from cnnx.optimizers.optimizer import Segment
from cnnx.optimizers.schedules import LearningRateSchedule


class Adamax(Moments):
    r"""
    Adam with the largest gradient in the place of their mean square (Kingma & Ba 2015, section 7).

    At step t, from 1, with the gradient g:

    .. math::

        m \leftarrow \beta_1 m + (1 - \beta_1) g

        u \leftarrow \max(\beta_2 u, |g|)

        \theta \leftarrow \theta - \mathrm{rate} \frac{m}{(1 - \beta_1^t)(u + \varepsilon)}

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon
        As in `Adam`.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    name = "adamax"
    slot_names = ("m", "u")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        m, u = segment.slots
        _core.adamax_step(
            segment.parameters,
            segment.gradients,
            m,
            u,
            learning_rate,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            self.iterations,
        )
