"""Adam with decoupled weight decay."""

from typing import Any

from cnnx.geometry import number
from cnnx.optimizers.adam import Adam
from cnnx.optimizers.schedules import LearningRateSchedule


class AdamW(Adam):
    r"""
    Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    Before each step of `Adam`, with lambda for the weight decay:

    .. math::

        \theta \leftarrow \theta - \mathrm{rate} \cdot \lambda \theta

    Unlike a penalty on the weights in the loss, that does not pass through the averages of the
    gradient.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, amsgrad, epsilon_hat
        As in `Adam`.
    weight_decay
        Share of the parameter taken off per unit of learning rate, >= 0.
    **kwargs
        clipnorm and what else every `Optimizer` takes.
    """

    name = "adamw"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *,
        epsilon_hat: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            epsilon_hat=epsilon_hat,
            weight_decay=number(weight_decay, "AdamW: weight_decay", 0, float("inf")),
            **kwargs,
        )
