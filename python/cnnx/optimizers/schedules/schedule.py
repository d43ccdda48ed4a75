"""What every schedule is."""

from cnnx import registry
from cnnx.geometry import integer, number

INFINITY = float("inf")


class LearningRateSchedule(registry.Configurable):
    """
    A learning rate for each step; subclasses implement `__call__`.

    Parameters
    ----------
    name
        Kept, and used for nothing.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = type(self).__name__ if name is None else name

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(step)")


def rate(schedule: LearningRateSchedule, value: float, name: str) -> float:
    """Return a number >= 0; errors name the schedule and the argument."""
    return number(value, f"{type(schedule).__name__}: {name}", 0, INFINITY)


def steps(
    schedule: LearningRateSchedule, value: int, name: str = "decay_steps", minimum: int = 1
) -> int:
    """Return a number of steps; errors name the schedule and the argument."""
    return integer(value, f"{type(schedule).__name__}: {name}", minimum=minimum, limit=2**63)
