"""RandAugment: a few operations of many for each picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float
from cnnx.layers.augmentation.colors import (
    BYTES,
    ColorLayer,
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    Range,
)
from cnnx.layers.augmentation.factors import Factor, positive
from cnnx.layers.augmentation.filters import RandomSharpness
from cnnx.layers.augmentation.geometry import RandomRotation, RandomShear, RandomTranslation
from cnnx.layers.augmentation.random_picture_layer import RandomPictureLayer
from cnnx.layers.augmentation.recipe import Recipe, Settings
from cnnx.layers.augmentation.tones import (
    AutoContrast,
    Equalization,
    RandomPosterization,
    Solarization,
)
from cnnx.registry import choice


class RandAugment(ColorLayer):
    """
    In training, change each image by a few operations, drawn from eleven (Cubuk et al. 2019).

    They are shear, translation, rotation, brightness, colour degeneration, contrast, sharpness,
    posterization, solarization, auto-contrast and equalization. Each image has its own.

    Parameters
    ----------
    value_range
        As in `ColorLayer`.
    num_ops
        Operations of an image.
    factor
        How strong they are: the factor of each of the layers of these names, a share f in [0, 1]
        or (low, high).
    interpolation
        'bilinear' or 'nearest'.
    seed, data_format, **kwargs
        As in `ColorLayer`.
    """

    of_colors = True

    def __init__(
        self,
        value_range: Range = BYTES,
        num_ops: int = 2,
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.num_ops = geometry.integer(num_ops, f"{self}: num_ops", limit=100)
        self.factor = share = positive(factor, f"{self}: factor")
        self.interpolation = choice(interpolation, f"{self}: interpolation", "bilinear", "nearest")
        self.settings = Settings(self.settings.value_range, interpolation=self.interpolation)
        pixels = self.settings.value_range
        self._choices: list[RandomPictureLayer] = [
            RandomShear(share, share),
            RandomTranslation(share, share),
            RandomRotation(share),
            RandomBrightness(share, pixels),
            RandomColorDegeneration(share, pixels),
            RandomContrast(share, pixels),
            RandomSharpness(share, pixels),
            RandomPosterization(max(1, int(8 * share[1])), pixels),
            Solarization(share, share, pixels),
            AutoContrast(pixels),
            Equalization(pixels),
        ]
        self._each = 1 + max(layer.numbers for layer in self._choices)
        self.numbers = self.num_ops * self._each

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the operations of each image."""
        steps = []
        for own in np.split(numbers, self.num_ops, 1):
            chosen = (own[:, 0] * len(self._choices)).astype(np.intp)
            recipes = [layer.recipe(own[:, 1:], size) for layer in self._choices]
            steps.append(Recipe.choice(recipes, chosen))
        return Recipe.sequence(steps)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "num_ops": self.num_ops,
            "factor": list(self.factor),
            "interpolation": self.interpolation,
        }
