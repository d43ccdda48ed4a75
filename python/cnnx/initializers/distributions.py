"""Numbers drawn from a distribution."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnx import random
from cnnx.arrays import Array, Float
from cnnx.buffer import aligned_empty
from cnnx.geometry import number
from cnnx.initializers.initializer import INFINITY, Initializer

_DRAWN_AT_ONCE = 1 << 16


def _drawn(shape: tuple[int, ...], draw: Callable[[int], Array]) -> Float:
    """Return what `draw` gives for a number of elements, without all of it in float64 at once."""
    values = aligned_empty((math.prod(shape),))
    for start in range(0, values.size, _DRAWN_AT_ONCE):
        part = values[start : start + _DRAWN_AT_ONCE]
        part[...] = draw(part.size)
    return values.reshape(shape)


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = number(mean, f"{type(self).__name__}: mean", -INFINITY, INFINITY)
        self.stddev = number(stddev, f"{type(self).__name__}: stddev", 0, INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        generator = random.generator(self.seed)
        return _drawn(shape, lambda count: generator.normal(self.mean, self.stddev, count))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class TruncatedNormal(RandomNormal):
    """Normal, drawn again where a value is more than two standard deviations from the mean."""

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        generator = random.generator(self.seed)
        values = generator.standard_normal(shape)
        outside = np.abs(values) > 2
        while outside.any():
            values[outside] = generator.standard_normal(np.count_nonzero(outside))
            outside = np.abs(values) > 2
        return (self.mean + self.stddev * values).astype(np.float32)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = number(minval, "RandomUniform: minval", -INFINITY, INFINITY)
        self.maxval = number(maxval, "RandomUniform: maxval", self.minval, INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        generator = random.generator(self.seed)
        return _drawn(shape, lambda count: generator.uniform(self.minval, self.maxval, count))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}
