"""Rates that fall along simple curves."""

import bisect
import math
from collections.abc import Sequence
from typing import Any

from cnnx.geometry import integer
from cnnx.optimizers.schedules.schedule import LearningRateSchedule, rate, steps


class PolynomialDecay(LearningRateSchedule):
    """
    (initial - end) (1 - step / decay_steps)^power + end; linear for power 1.

    Parameters
    ----------
    initial_learning_rate
        Rate of step 0.
    decay_steps
        Number of steps (batches, not epochs) until the end.
    end_learning_rate
        Rate from then on.
    power
        Exponent.
    cycle
        If true, the rate jumps up again after every `decay_steps` steps: `decay_steps` is then
        taken times ceil(step / decay_steps).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = rate(self, initial_learning_rate, "initial_learning_rate")
        self.decay_steps = steps(self, decay_steps)
        self.end_learning_rate = rate(self, end_learning_rate, "end_learning_rate")
        self.power = rate(self, power, "power")
        self.cycle = bool(cycle)

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`."""
        steps = self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        fall = self.initial_learning_rate - self.end_learning_rate
        left = 1.0 - min(step, steps) / steps
        return float(fall * left**self.power) + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
        }


class _RateDecay(LearningRateSchedule):
    """What falls by `decay_rate` in `decay_steps` steps."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = rate(self, initial_learning_rate, "initial_learning_rate")
        self.decay_steps = steps(self, decay_steps)
        self.decay_rate = rate(self, decay_rate, "decay_rate")
        self.staircase = bool(staircase)

    def _decays(self, step: int) -> float:
        """Return how many times `decay_steps` steps have passed."""
        return step // self.decay_steps if self.staircase else step / self.decay_steps

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
        }


class ExponentialDecay(_RateDecay):
    """
    initial * decay_rate^(step / decay_steps).

    Parameters
    ----------
    initial_learning_rate
        Rate of step 0.
    decay_steps
        Number of steps in which the rate is multiplied by `decay_rate` once.
    decay_rate
        Factor.
    staircase
        True rounds step / decay_steps down: the rate falls in stairs.
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`."""
        return float(self.initial_learning_rate * self.decay_rate ** self._decays(step))


class InverseTimeDecay(_RateDecay):
    """
    initial / (1 + decay_rate step / decay_steps).

    Parameters
    ----------
    initial_learning_rate
        Rate of step 0.
    decay_steps
        Number of steps in which the divisor grows by `decay_rate`.
    decay_rate
        Growth, >= 0.
    staircase
        True rounds step / decay_steps down: the rate falls in stairs.
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`."""
        return float(self.initial_learning_rate / (1 + self.decay_rate * self._decays(step)))


class PiecewiseConstantDecay(LearningRateSchedule):
    """
    values[0] up to and including step boundaries[0], then values[1], and so on.

    Parameters
    ----------
    boundaries
        Steps, increasing.
    values
        Rates, one more than boundaries.
    """

    def __init__(
        self,
        boundaries: Sequence[int],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        super().__init__(name)
        for name, given in ("boundaries", boundaries), ("values", values):
            if not isinstance(given, (tuple, list)):
                raise TypeError(f"PiecewiseConstantDecay: {name} must be a list, got {given!r}")
        if len(values) != len(boundaries) + 1:
            raise ValueError(
                "PiecewiseConstantDecay: values must be one more than boundaries, "
                f"got {len(values)} and {len(boundaries)}"
            )
        self.boundaries = [
            integer(step, "PiecewiseConstantDecay: boundaries", minimum=0) for step in boundaries
        ]
        if sorted(set(self.boundaries)) != self.boundaries:
            raise ValueError(f"PiecewiseConstantDecay: boundaries must increase, got {boundaries}")
        self.values = [rate(self, value, "values") for value in values]

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`."""
        return self.values[bisect.bisect_left(self.boundaries, step)]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"boundaries": self.boundaries, "values": self.values}
