"""Rates that a function of a user's says."""

from collections.abc import Callable
from typing import Any, Self

from cnnx import registry
from cnnx.optimizers.schedules.schedule import LearningRateSchedule, rate


class FunctionSchedule(LearningRateSchedule):
    """
    What a function says at each step.

    An optimizer makes one of a function that it is given as `learning_rate`. To load a model with
    it, `cnnx.register` the function, or name it among the custom objects.

    Parameters
    ----------
    function
        f(): returns the learning rate of the next step, >= 0.
    """

    def __init__(self, function: Callable[[], float]) -> None:
        super().__init__()
        if not callable(function):
            raise TypeError(f"FunctionSchedule: function must be a function, got {function!r}")
        self.function = function

    def __call__(self, step: int) -> float:
        """Return what the function returns, whatever the step."""
        return rate(self, self.function(), "what the function returns")

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function."""
        return {"function": registry.name_of(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a schedule of a function that is registered, or among the custom objects."""
        return cls(registry.function_of(config["function"]))
