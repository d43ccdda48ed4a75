"""Rates that rise and fall along a cosine."""

import math
from typing import Any

from cnnx.geometry import number
from cnnx.optimizers.schedules.schedule import INFINITY, LearningRateSchedule, rate, steps

_ROUNDING = 1e-9
"""More than the error of a logarithm, and less than a step of a period."""


class CosineDecay(LearningRateSchedule):
    """
    first ((1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + alpha) (Loshchilov & Hutter 2016).

    Without warm-up the first rate is the initial one. With it the rate rises from the initial one
    to `warmup_target` in `warmup_steps` steps, linearly, and falls from there.

    Parameters
    ----------
    initial_learning_rate
        Rate of step 0.
    decay_steps
        Number of steps of the fall, which come after those of the warm-up.
    alpha
        Rate at the end, as a share of the first one.
    warmup_target
        Rate after the warm-up; None for no warm-up.
    warmup_steps
        Number of steps of the warm-up.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = rate(self, initial_learning_rate, "initial_learning_rate")
        self.decay_steps = steps(self, decay_steps)
        self.alpha = rate(self, alpha, "alpha")
        self.warmup_target = (
            None if warmup_target is None else rate(self, warmup_target, "warmup_target")
        )
        self.warmup_steps = steps(self, warmup_steps, "warmup_steps", minimum=0)

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`."""
        first = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return first + (self.warmup_target - first) * step / self.warmup_steps
            first, step = self.warmup_target, step - self.warmup_steps
        return first * _fall(min(step / self.decay_steps, 1.0), self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config: dict[str, Any] = {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
        }
        if self.warmup_target is None:
            return config
        return config | {"warmup_target": self.warmup_target, "warmup_steps": self.warmup_steps}


class CosineDecayRestarts(LearningRateSchedule):
    """
    Cosine decay that begins anew again and again (Loshchilov & Hutter 2016, "SGDR").

    Period i, from 0, takes first_decay_steps t_mul^i steps and begins at initial m_mul^i.

    Parameters
    ----------
    initial_learning_rate
        Rate of step 0.
    first_decay_steps
        Number of steps of the first period.
    t_mul
        How many times as long each period is as the one before, >= 1.
    m_mul
        Factor of the first rate from one period to the next, >= 0.
    alpha
        Least rate, as a share of the initial one.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = rate(self, initial_learning_rate, "initial_learning_rate")
        self.first_decay_steps = steps(self, first_decay_steps, "first_decay_steps")
        self.t_mul = number(t_mul, "CosineDecayRestarts: t_mul", 1, INFINITY)
        self.m_mul = rate(self, m_mul, "m_mul")
        self.alpha = rate(self, alpha, "alpha")

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`."""
        done = step / self.first_decay_steps
        if self.t_mul == 1:
            period = math.floor(done)
            done -= period
        else:
            period = math.floor(
                math.log1p(done * (self.t_mul - 1)) / math.log(self.t_mul) + _ROUNDING
            )
            before = (self.t_mul**period - 1) / (self.t_mul - 1)
            done = min(max((done - before) / self.t_mul**period, 0.0), 1.0)
        top = self.m_mul**period
        return self.initial_learning_rate * _fall(done, self.alpha, top)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
        }


class OneCycle(LearningRateSchedule):
    """
    A rise to a large rate, and a fall to almost none, each half a cosine (Smith & Topin 2018).

    From max / div_factor to max in pct_start total_steps steps, then to
    max / (div_factor final_div_factor) at the last step, as PyTorch's OneCycleLR.

    Parameters
    ----------
    max_learning_rate
        Largest rate.
    total_steps
        Number of steps (batches, not epochs) of the whole training.
    pct_start
        Share of the steps in which the rate rises, in [0, 1).
    div_factor
        How many times the first rate goes into the largest, > 0.
    final_div_factor
        How many times the last rate goes into the first, > 0.
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        name: str = "OneCycle",
    ) -> None:
        super().__init__(name)
        self.max_learning_rate = rate(self, max_learning_rate, "max_learning_rate")
        self.total_steps = steps(self, total_steps, "total_steps")
        self.pct_start = number(pct_start, "OneCycle: pct_start", 0, 1)
        self.div_factor = number(div_factor, "OneCycle: div_factor", 1e-30, INFINITY)
        self.final_div_factor = number(
            final_div_factor, "OneCycle: final_div_factor", 1e-30, INFINITY
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of step `step`; after the last one, that of the last."""
        first = self.max_learning_rate / self.div_factor
        top = self.pct_start * self.total_steps - 1
        if step < top:
            return first + (self.max_learning_rate - first) * _fall(1 - step / top)
        last = first / self.final_div_factor
        left = self.total_steps - 1 - top
        done = min((step - top) / left, 1.0) if left > 0 else 1.0
        return last + (self.max_learning_rate - last) * _fall(done)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "max_learning_rate": self.max_learning_rate,
            "total_steps": self.total_steps,
            "pct_start": self.pct_start,
            "div_factor": self.div_factor,
            "final_div_factor": self.final_div_factor,
        }


def _fall(done: float, alpha: float = 0.0, top: float = 1.0) -> float:
    """Return half a cosine from `top` to 0, of which `alpha` is the least."""
    return (1 - alpha) * top * (1 + math.cos(math.pi * done)) / 2 + alpha
