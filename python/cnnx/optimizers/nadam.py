"""Adam with Nesterov momentum."""

from typing import Any

from cnnx import _core
from cnnx.optimizers.moments import Moments
from cnnx.optimizers.optimizer import Segment
from cnnx.optimizers.schedules import LearningRateSchedule

_GONE = 1e-30
"""1 minus less than this is 1. It is not multiplied to 0: the least number times .9 is itself."""


class Nadam(Moments):
    r"""
    Adam that looks ahead along its momentum (Dozat 2016).

    With m and v as in `Adam`, and the gradient g:

    .. math::

        u_t = \beta_1 (1 - 0.96^t / 2), \quad U_t = u_1 \cdots u_t

        \theta \leftarrow \theta - \mathrm{rate} \frac{u_{t+1} m / (1 - U_{t+1})
        + (1 - u_t) g / (1 - U_t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon
        As in `Adam`; epsilon is added to the root of the corrected v, as in Keras and PyTorch.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    name = "nadam"
    slot_names = ("m", "v")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self._counted, self._product = 0, 1.0

    def _momentum(self, step: int) -> float:
        return self.beta_1 * (1 - 0.5 * 0.96**step)

    def _momentum_product(self) -> float:
        """Return U_t; counted on from the last step, or anew where there is none."""
        if self._counted > self.iterations:
            self._counted, self._product = 0, 1.0
        while self._counted < self.iterations and self._product > _GONE:
            self._counted += 1
            self._product *= self._momentum(self._counted)
        if self._product <= _GONE:
            self._product = 0.0
        self._counted = self.iterations
        return self._product

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        m, v = segment.slots
        step, product = self.iterations, self._momentum_product()
        ahead = self._momentum(step + 1)
        _core.nadam_step(
            segment.parameters,
            segment.gradients,
            m,
            v,
            learning_rate,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            ahead / (1 - product * ahead),
            (1 - self._momentum(step)) / (1 - product),
            step,
        )
