"""Adagrad."""

from typing import Any

from cnnx.geometry import number
from cnnx.optimizers.root_mean_square import RootMeanSquare
from cnnx.optimizers.schedules import LearningRateSchedule


class Adagrad(RootMeanSquare):
    r"""
    Descent by the gradient over the root of all its squares so far (Duchi et al. 2011).

    With the gradient g and the sum s of its squares:

    .. math::

        s \leftarrow s + g^2

        \theta \leftarrow \theta - \mathrm{rate} \frac{g}{\sqrt{s + \varepsilon}}

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    initial_accumulator_value
        The squares before the first step, >= 0.
    epsilon
        Keeps the step finite where the gradient is 0; > 0.
    epsilon_in_root
        True adds epsilon under the root, as Keras; False to the root, as textbooks and PyTorch do.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.

    Notes
    -----
    The textbook's is `Adagrad(0.001, 0.0, 1e-8, epsilon_in_root=False)`.
    """

    name = "adagrad"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        epsilon_in_root: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, epsilon, epsilon_in_root, **kwargs)
        start = "Adagrad: initial_accumulator_value"
        self.slot_start = number(initial_accumulator_value, start, 0, float("inf"))

    @property
    def shares(self) -> tuple[float, float]:
        """A sum."""
        return 1.0, 1.0

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"initial_accumulator_value": self.slot_start}
