"""What the optimizers that divide by a root of squared gradients share."""

from typing import Any

from cnnx import _core
from cnnx.geometry import number
from cnnx.optimizers.optimizer import Optimizer, Segment
from cnnx.optimizers.schedules import LearningRateSchedule


class RootMeanSquare(Optimizer):
    """
    Descent by the gradient over the root of a sum of its squares.

    parameter -= learning_rate gradient / sqrt(squares + epsilon) as Keras has it, or, with
    `epsilon_in_root=False`, learning_rate gradient / (sqrt(squares) + epsilon) as textbooks and
    PyTorch do. Subclasses say how the squares are added up.

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    epsilon
        Keeps the step finite where the gradient is 0; > 0.
    epsilon_in_root
        Whether epsilon is added under the root or to it.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.
    """

    slot_names: tuple[str, ...] = ("squares",)

    momentum = 0.0
    centered = False

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        epsilon: float,
        epsilon_in_root: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.epsilon = number(epsilon, f"{type(self).__name__}: epsilon", 1e-30, float("inf"))
        self.epsilon_in_root = bool(epsilon_in_root)

    @property
    def shares(self) -> tuple[float, float]:
        """What the old squares and the new one are multiplied by."""
        raise NotImplementedError(f"{type(self).__name__} must implement shares")

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Descend once."""
        state = dict(zip(self.slot_names, segment.slots, strict=True))
        _core.rms_step(
            segment.parameters,
            segment.gradients,
            state["squares"],
            state.get("mean"),
            state.get("velocity"),
            learning_rate,
            *self.shares,
            self.epsilon if self.epsilon_in_root else 0.0,
            0.0 if self.epsilon_in_root else self.epsilon,
            self.momentum,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "epsilon": self.epsilon,
            "epsilon_in_root": self.epsilon_in_root,
        }
