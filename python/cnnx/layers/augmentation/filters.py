"""Layers that make each picture sharper or softer in training."""

from __future__ import annotations

from typing import Any

from cnnx import geometry
from cnnx.arrays import Float
from cnnx.layers.augmentation.colors import BYTES, ColorLayer, Range, ShareLayer
from cnnx.layers.augmentation.factors import Factor, between, positive, rising
from cnnx.layers.augmentation.recipe import Operation, Recipe


class RandomSharpness(ShareLayer):
    """
    In training, make each image sharper or softer: s + 2 f (x - s) with the smoothed image s.

    s is the mean of 3x3 pixels, the middle one counted five times; the outermost pixels stay as
    they are, as in Pillow. A factor f of .5 changes nothing, 0 gives s.

    Parameters
    ----------
    factor
        A share f in [0, 1], which stands for the range (0, f), or the range (low, high).
    value_range, data_format, seed, **kwargs
        As in `ColorLayer`.
    """

    operation = Operation.SHARPNESS

    def factors(self, drawn: Float) -> Float:
        """Return twice the shares."""
        return 2 * drawn


class RandomGaussianBlur(ColorLayer):
    """
    In training, blur images with a probability, by a Gaussian kernel.

    Beyond the border lies the mirror image.

    Parameters
    ----------
    factor
        The probability: a number p draws it from (0, p) for each image, two numbers from (low,
        high).
    kernel_size
        Odd; or (height, width).
    sigma
        Standard deviation in pixels: a number s draws from (0, s) for each axis and image, two
        numbers from (low, high).
    value_range, data_format, seed, **kwargs
        As in `ColorLayer`.
    """

    numbers = 4

    def __init__(
        self,
        factor: Factor = 1.0,
        kernel_size: int | tuple[int, int] = 3,
        sigma: Factor = 1.0,
        value_range: Range = BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.factor = positive(factor, f"{self}: factor")
        self.kernel_size = tuple(
            geometry.odd(extent, f"{self}: kernel_size")
            for extent in geometry.pair(kernel_size, f"{self}: kernel_size")
        )
        if max(self.kernel_size) > 255:
            raise ValueError(f"{self}: kernel_size must be at most 255, got {kernel_size!r}")
        self.sigma = (
            rising(sigma, f"{self}: sigma", 0, 1e3)
            if isinstance(sigma, (tuple, list))
            else (0.0, geometry.number(sigma, f"{self}: sigma", 0, 1e3, include_high=True))
        )

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the kernel of each image that is blurred."""
        chosen = numbers[:, 0] < between(self.factor, numbers[:, 1])
        deviations = [between(self.sigma, numbers[:, axis]) + 1e-6 for axis in (2, 3)]
        return Recipe.step(Operation.BLUR, [*self.kernel_size, *deviations], chosen, len(numbers))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "factor": list(self.factor),
            "kernel_size": list(self.kernel_size),
            "sigma": list(self.sigma),
        }
