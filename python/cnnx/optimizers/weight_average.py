"""The moving average of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import _core
from cnnx.geometry import integer, number
from cnnx.optimizers.learned import Learned

SLOT = "average"


class WeightAverage:
    """
    The exponential moving average of the weights (Polyak & Juditsky 1992).

    After each step: average = momentum average + (1 - momentum) weights; after the first it is
    the weights themselves.

    Parameters
    ----------
    owner
        What errors begin with.
    momentum
        Share of the old average kept at each step, in [0, 1].
    overwrite_frequency
        Every so many steps the weights become the average; None: never within training.

    Attributes
    ----------
    swapped
        Whether the weights and their average have changed places.
    """

    def __init__(self, owner: str, momentum: float, overwrite_frequency: int | None) -> None:
        self.momentum = number(momentum, f"{owner}: ema_momentum", 0, 1, include_high=True)
        self.overwrite_frequency = (
            None
            if overwrite_frequency is None
            else integer(overwrite_frequency, f"{owner}: ema_overwrite_frequency")
        )
        self.swapped = False

    def config(self) -> dict[str, Any]:
        """Return the optimizer's arguments."""
        return {
            "use_ema": True,
            "ema_momentum": self.momentum,
            "ema_overwrite_frequency": self.overwrite_frequency,
        }

    def update(self, learned: Learned, steps: int) -> None:
        """Take in the weights after so many steps."""
        kept = self.momentum if steps > 1 else 0.0
        for segment, average in learned.beside(SLOT):
            if kept:
                _core.weighted_sum([average, segment.parameters], [kept, 1 - kept], average)
            else:
                np.copyto(average, segment.parameters)
        if self.overwrite_frequency and steps % self.overwrite_frequency == 0:
            self.overwrite(learned)

    def overwrite(self, learned: Learned) -> None:
        """Let the weights become their average."""
        for segment, average in learned.beside(SLOT):
            if self.swapped:
                np.copyto(average, segment.parameters)
            else:
                np.copyto(segment.parameters, average)
        self.swapped = False

    def swap(self, learned: Learned) -> None:
        """Let the weights and their average change places."""
        for segment, average in learned.beside(SLOT):
            weights = segment.parameters.copy()
            np.copyto(segment.parameters, average)
            np.copyto(average, weights)
        self.swapped = not self.swapped
