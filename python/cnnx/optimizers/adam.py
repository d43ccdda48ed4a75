"""Adam."""

import math
from typing import Any

from cnnx import _core
from cnnx.optimizers.moments import Moments
from cnnx.optimizers.optimizer import Segment
from cnnx.optimizers.schedules import LearningRateSchedule


class Adam(Moments):
    r"""
    Descent by running averages of the gradient and its square (Kingma & Ba 2015, Algorithm 1).

    At step t, from 1, with the gradient g:

    .. math::

        m \leftarrow \beta_1 m + (1 - \beta_1) g

        v \leftarrow \beta_2 v + (1 - \beta_2) g^2

        \theta \leftarrow \theta - \mathrm{rate} \frac{m / (1 - \beta_1^t)}
        {\sqrt{v / (1 - \beta_2^t)} + e}

    e is epsilon, as in textbooks and PyTorch, or, with `epsilon_hat=True`,
    epsilon / sqrt(1 - beta_2^t), as in Keras.

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    beta_1, beta_2
        Shares of the old averages kept at each step, in [0, 1).
    epsilon
        Keeps the step finite where the gradient is 0; > 0.
    amsgrad
        Whether the largest v so far takes the place of v (Reddi et al. 2018).
    epsilon_hat
        Whether epsilon is added to the root of v before v is corrected for its start at 0, as the
        paper's "epsilon hat" is; in the first steps it counts up to 1 / sqrt(1 - beta_2) times.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.

    Notes
    -----
    Textbooks have other defaults: the paper's is `Adam(0.001, 0.9, 0.999, 1e-8)`; NumPy examples on
    MNIST take `Adam(0.01, 0.95, 0.99)`.
    """

    name = "adam"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *,
        epsilon_hat: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self.amsgrad = bool(amsgrad)
        self.epsilon_hat = bool(epsilon_hat)
        self.slot_names = ("m", "v", "peak") if self.amsgrad else ("m", "v")

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        m, v, *peak = segment.slots
        correction = math.sqrt(1 - self.beta_2**self.iterations) if self.epsilon_hat else 1.0
        _core.adam_step(
            segment.parameters,
            segment.gradients,
            m,
            v,
            peak[0] if peak else None,
            learning_rate,
            self.beta_1,
            self.beta_2,
            self.epsilon / correction,
            self.iterations,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = super().get_config() | {"epsilon_hat": self.epsilon_hat}
        return config | ({"amsgrad": True} if self.amsgrad else {})
