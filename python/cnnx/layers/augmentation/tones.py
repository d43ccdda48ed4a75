"""Layers that change the tones of each picture in training: inverted, fewer, or spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.augmentation.colors import BYTES, ColorLayer, Range
from cnnx.layers.augmentation.factors import Factor, between, positive
from cnnx.layers.augmentation.recipe import Operation, Recipe
from cnnx.layers.call import Traits
from cnnx.layers.picture_layer import Change


class RandomInvert(ColorLayer):
    """
    In training, invert images with a probability: low + high - x.

    Parameters
    ----------
    factor
        The probability: a number p draws it from (0, p) for each image, two numbers from (low,
        high).
    value_range, seed, data_format, **kwargs
        As in `ColorLayer`.
    """

    numbers = 2

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: Range = BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.factor = positive(factor, f"{self}: factor")

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the images that are inverted."""
        chosen = numbers[:, 0] < between(self.factor, numbers[:, 1])
        return Recipe.step(Operation.INVERT, [], chosen, len(numbers))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"factor": list(self.factor)}


class RandomPosterization(ColorLayer):
    """
    In training, keep the upper bits of each image's values alone, of 8 bits.

    Parameters
    ----------
    factor
        Bits to keep, from 1 to 8; or (low, high): a whole number from low to below high.
    value_range, data_format, seed, **kwargs
        As in `ColorLayer`.
    """

    def __init__(
        self,
        factor: int | tuple[int, int] | list[int],
        value_range: Range = BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        name = f"{self}: factor"
        given = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        if len(given) != 2:
            raise ValueError(f"{name} must be one number of bits or (low, high), got {factor!r}")
        low, high = (geometry.integer(bits, name, limit=9) for bits in given)
        if low > high:
            raise ValueError(f"{name} must be (low, high), got {factor!r}")
        self.factor = low, high

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the bits of each image."""
        low, high = self.factor
        bits = np.floor(low + (high - low) * numbers[:, 0])
        return Recipe.step(Operation.POSTERIZE, [bits], count=len(numbers))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"factor": list(self.factor)}


class Solarization(ColorLayer):
    """
    In training, invert the bright pixels of each image.

    With x from 0 to 1, v = x + addition, at most 1; the result is v below the threshold and 1 - v
    from there on.

    Parameters
    ----------
    addition_factor, threshold_factor
        A share f in [0, 1], which stands for the range (0, f), or the range (low, high), of the
        range of values.
    value_range, seed, **kwargs
        As in `ColorLayer`.
    """

    numbers = 2

    def __init__(
        self,
        addition_factor: Factor = 0.0,
        threshold_factor: Factor = 0.0,
        value_range: Range = BYTES,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, **kwargs)
        self.addition_factor = positive(addition_factor, f"{self}: addition_factor")
        self.threshold_factor = positive(threshold_factor, f"{self}: threshold_factor")

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return addition and threshold of each image."""
        added = between(self.addition_factor, numbers[:, 0])
        threshold = between(self.threshold_factor, numbers[:, 1])
        return Recipe.step(Operation.SOLARIZE, [added, threshold], count=len(numbers))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "addition_factor": list(self.addition_factor),
            "threshold_factor": list(self.threshold_factor),
        }


class AutoContrast(ColorLayer):
    """
    Stretch each channel of each image to the whole range of values, in use too.

    Parameters
    ----------
    value_range, **kwargs
        As in `ColorLayer`.
    """

    traits = Traits(False, False)
    numbers = 0

    def __init__(self, value_range: Range = BYTES, **kwargs: Any) -> None:
        super().__init__(value_range, **kwargs)

    def forward(self, call: Any, x: Float) -> None:
        """Write the stretched images."""
        call.change = self.draw(x.shape) if len(x) else None
        if call.change is not None:
            call.change.pictures(x, call.y)

    def change(self, shape: Shape, training: bool) -> Change:
        """Return the stretching."""
        return self.draw(shape)

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the same for each image."""
        return Recipe.step(Operation.AUTO_CONTRAST, [], count=len(numbers))


class Equalization(ColorLayer):
    """
    In training, make all tones of each channel of each image equally frequent.

    A value becomes 255 (c - c0) / (n - c0), rounded, of its bin's cumulated count c, that of the
    first bin c0, and n pixels.

    Parameters
    ----------
    value_range
        As in `ColorLayer`.
    bins
        Of the histogram, from 2 to 256.
    data_format, **kwargs
        As in `ColorLayer`.
    """

    numbers = 0

    def __init__(
        self,
        value_range: Range = BYTES,
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, data_format=data_format, **kwargs)
        self.bins = geometry.integer(bins, f"{self}: bins", minimum=2, limit=257)

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the same for each image."""
        return Recipe.step(Operation.EQUALIZE, [self.bins], count=len(numbers))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"bins": self.bins}
