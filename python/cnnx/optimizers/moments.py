"""What the optimizers share that keep averages of the gradient and of its size."""

from typing import Any

from cnnx.geometry import number
from cnnx.optimizers.optimizer import Optimizer
from cnnx.optimizers.schedules import LearningRateSchedule


class Moments(Optimizer):
    """
    Descent by a running average of the gradient over one of its size.

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    beta_1, beta_2
        Shares of the old averages kept at each step, in [0, 1).
    epsilon
        Keeps the step finite where the gradient is 0; > 0.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(beta_1, f"{type(self).__name__}: beta_1", 0, 1)
        self.beta_2 = number(beta_2, f"{type(self).__name__}: beta_2", 0, 1)
        self.epsilon = number(epsilon, f"{type(self).__name__}: epsilon", 1e-30, float("inf"))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
