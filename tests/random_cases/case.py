"""What every random case has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import layers
from single_layer import both

Array = NDArray[Any]
UNIT = 2.0**-24  # the largest relative error of one float32 operation
SMALLEST = 2.0**-126  # results below may be flushed to zero
CHANNELS = [1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 33]


def functional() -> Any:
    """Return PyTorch's functions; not everybody has it."""
    import torch.nn.functional

    return torch.nn.functional


class Case:
    """
    One random configuration.

    `arrays` are what the results are differentiated by, the input first. Unless a subclass says
    otherwise, the results are sums of products of them, and no float32 sum of k products, in
    whatever order, is off by more than (k + 2) UNIT times the sum of their absolute values.
    Whole numbers must then come out exactly.
    """

    exact_on_whole_numbers = True
    arrays: tuple[Array, ...]
    dy: Array

    def __init__(self, chance: np.random.Generator, whole: bool, large: bool) -> None:
        self.chance, self.large = chance, large
        self.whole = whole and self.exact_on_whole_numbers
        self.draw()

    def draw(self) -> None:
        """Choose the configuration and fill `arrays` and `dy`."""
        raise NotImplementedError

    def layer(self) -> layers.Layer:
        """Return the layer, not built yet."""
        raise NotImplementedError

    def by_torch(self, *arrays: Any) -> Any:
        """Return the output for tensors of float64."""
        raise NotImplementedError

    def by_oracle(self, *arrays: Array, dy: Array) -> tuple[Array, ...]:
        """Return all results by the loops of reference."""
        raise NotImplementedError

    # What most cases share.

    def one_of(self, *options: Any) -> Any:
        return options[self.chance.integers(len(options))]

    def numbers(self, *shape: int) -> Array:
        if self.whole:
            return self.chance.integers(-4, 5, shape).astype(np.float32)
        return self.chance.standard_normal(shape).astype(np.float32)

    def batch(self) -> int:
        return 4 if self.large else int(self.chance.integers(1, 4))

    def by_cnnx(self) -> list[Array]:
        layer = self.layer()
        x, *weights = self.arrays
        layer.build_once((None, *x.shape[1:]))
        for weight, value in zip(layer.weights, weights, strict=False):
            weight.assign(value)
        y, dx = both(layer, x, self.dy)
        return [y, dx, *(weight.gradient.copy() for weight in layer.trainable_weights)]

    def magnitudes(self, judge: Any) -> list[Array]:
        """Return for each result the sum of the absolute values of what it is a sum of."""
        return judge(self, [np.abs(a) for a in self.arrays], np.abs(self.dy))

    def terms(self, judge: Any) -> list[Array]:
        """Return for each result the number of products that it is a sum of."""
        return judge(self, [np.ones(a.shape) for a in self.arrays], np.ones(self.dy.shape))

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        pairs = zip(self.terms(judge), self.magnitudes(judge), strict=True)
        return [(terms + 2) * UNIT * magnitude for terms, magnitude in pairs]
