"""The learning rate of an optimizer as a number that can be assigned to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from cnnx.optimizers.optimizer import Optimizer


class LearningRate(float):
    """
    A number; `assign` gives its optimizer another.

    Copies and pickles of it are plain numbers.
    """

    _optimizer: Optimizer

    def __new__(cls, value: float, optimizer: Optimizer) -> Self:
        """Return the number."""
        rate = super().__new__(cls, value)
        rate._optimizer = optimizer
        return rate

    def assign(self, value: float) -> None:
        """Let the optimizer learn at another rate: the same as `optimizer.learning_rate = ...`."""
        self._optimizer.learning_rate = value

    def numpy(self) -> float:
        """Return the plain number."""
        return float(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)
