"""Layers that change the colours of each picture in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.augmentation.factors import (
    Ends,
    Factor,
    between,
    ends,
    positive,
    range_of,
    symmetric,
)
from cnnx.layers.augmentation.random_picture_layer import RandomPictureLayer, RecipeChange
from cnnx.layers.augmentation.recipe import Operation, Recipe, Settings
from cnnx.layers.call import Traits
from cnnx.layers.picture_layer import Change

Range = Sequence[float]
BYTES = (0.0, 255.0)


class ColorLayer(RandomPictureLayer):
    """
    What the layers share that change values of pixels in training.

    Parameters
    ----------
    value_range
        (low, high) of the pixels: what lies outside becomes the nearer end.
    seed, data_format, **kwargs
        As in `RandomPictureLayer`.
    """

    def __init__(
        self,
        value_range: Range = BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.value_range: Ends | None = range_of(value_range, f"{self}: value_range")
        self.settings = Settings(self.value_range)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "value_range": None if self.value_range is None else list(self.value_range)
        }


class FactorLayer(ColorLayer):
    """What the layers share whose change is one factor of each image."""

    operation: ClassVar[Operation]
    factor: Ends

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return one operation with the factor of each image."""
        factors = self.factors(between(self.factor, numbers[:, 0]))
        return Recipe.step(self.operation, [factors], count=len(numbers))

    def factors(self, drawn: Float) -> Float:
        """Return what the operation takes for the numbers drawn."""
        return drawn

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"factor": list(self.factor)}


class ShareLayer(FactorLayer):
    """
    What the layers share whose factor is a share.

    Parameters
    ----------
    factor
        A share f in [0, 1], which stands for the range (0, f), or the range (low, high).
    value_range, data_format, seed, **kwargs
        As in `ColorLayer`.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Range = BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.factor = positive(factor, f"{self}: factor")


class RandomBrightness(FactorLayer):
    """
    In training, make each image brighter or darker: add a random share of the range of values.

    Parameters
    ----------
    factor
        A share f, which stands for the range (-f, f), or the range (low, high).
    value_range, seed, **kwargs
        As in `ColorLayer`.
    """

    operation = Operation.BRIGHTNESS

    def __init__(
        self, factor: Factor, value_range: Range = BYTES, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range, seed, **kwargs)
        self.factor = symmetric(factor, f"{self}: factor")


class _Contrast(RecipeChange):
    """Another contrast, and its gradient."""

    def __init__(self, recipe: Recipe, settings: Settings) -> None:
        super().__init__(recipe, settings)
        self._x: Float = np.empty(0, np.float32)

    def pictures(self, x: Float, y: Float) -> None:
        """Run the recipe, and remember the images."""
        super().pictures(x, y)
        self._x = x

    def gradient(self, dy: Float, dx: Float, owner: str) -> None:
        """Do the same to the gradient of values in the range: the scaling is its own adjoint."""
        factors = self._recipe.parameters[:, :, :1, None]
        low, high = self._settings.value_range
        scaled = _contrast(self._x, factors)
        np.copyto(dx, _contrast(dy * ((scaled >= low) & (scaled <= high)), factors))


def _contrast(x: Float, factors: Float) -> Float:
    """Return factor x + (1 - factor) mean(x)."""
    scaled: Float = x * factors + (1 - factors) * x.mean(axis=(1, 2), keepdims=True)
    return scaled


class RandomContrast(FactorLayer):
    """
    In training, multiply the distance of each image's pixels from their mean by a random factor.

    The mean is that of the image's channel.

    Parameters
    ----------
    factor
        A share f in [0, 1]: the factor lies between 1 - f and 1 + f; or two shares (lower, upper)
        for 1 - lower to 1 + upper.
    value_range
        (low, high): what lies outside is set to the nearer end. None leaves all values as they are,
        which images need that are centred about 0.
    seed, **kwargs
        As in `ColorLayer`.
    """

    operation = Operation.CONTRAST
    traits = Traits(True, False, identity_in_use=True)

    def __init__(
        self,
        factor: Factor,
        value_range: Range | None = BYTES,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(BYTES if value_range is None else value_range, seed, **kwargs)
        if value_range is None:
            self.value_range, self.settings = None, Settings()
        self.factor = _shares(factor, f"{self}: factor")

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return a factor for each image."""
        lower, upper = self.factor
        factors = between((1 - lower, 1 + upper), numbers[:, 0])
        return Recipe.step(self.operation, [factors], count=len(numbers))

    def draw(self, shape: Shape) -> Change:
        """Draw the factors of a batch."""
        recipe = self.recipe(self.uniform_numbers(shape[0]), (shape[1], shape[2]))
        return _Contrast(recipe, self.settings)


def _shares(factor: Any, name: str) -> Ends:
    """Return how much smaller and larger a factor may be than 1."""
    return ends(factor if isinstance(factor, (tuple, list)) else (factor, factor), name, 0, 1)


class RandomSaturation(ShareLayer):
    """
    In training, make the colours of each image stronger or weaker.

    The saturation of HSV is multiplied by f / (1 - f), and is at most 1: a factor f of .5 changes
    nothing, 0 makes the image grey, 1 makes colours as strong as they can be. Grey images of one
    channel stay as they are.

    Parameters
    ----------
    factor
        A share f in [0, 1], which stands for the range (0, f), or the range (low, high).
    value_range, data_format, seed, **kwargs
        As in `ColorLayer`.
    """

    operation = Operation.SATURATION
    of_colors = True

    def factors(self, drawn: Float) -> Float:
        """Return what saturations are multiplied by."""
        return np.asarray(drawn / np.maximum(1 - drawn, 1e-7), np.float32)


class RandomHue(ShareLayer):
    """
    In training, turn the colours of each image along the colour wheel.

    The hue of HSV changes by up to half a turn, to the left or to the right. Grey images of one
    channel stay as they are.

    Parameters
    ----------
    factor
        A share f in [0, 1] of half a turn, which stands for the range (0, f), or the range (low,
        high).
    value_range, data_format, seed, **kwargs
        As in `ColorLayer`.
    """

    operation = Operation.HUE
    of_colors = True
    numbers = 2

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return a turn for each image."""
        sign = np.where(numbers[:, 1] > 0.5, -0.5, 0.5)
        turns = sign * between(self.factor, numbers[:, 0])
        return Recipe.step(self.operation, [turns], count=len(numbers))


class RandomColorJitter(ColorLayer):
    """
    In training, change brightness, contrast, saturation and hue of each image, in this order.

    Parameters
    ----------
    value_range
        As in `ColorLayer`.
    brightness_factor, contrast_factor, saturation_factor, hue_factor
        As in `RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue`; None leaves
        it as it is.
    seed, data_format, **kwargs
        As in `ColorLayer`.
    """

    def __init__(
        self,
        value_range: Range = BYTES,
        brightness_factor: Factor | None = None,
        contrast_factor: Factor | None = None,
        saturation_factor: Factor | None = None,
        hue_factor: Factor | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        parts: list[tuple[str, Any, Any, Factor | None]] = [
            ("brightness_factor", RandomBrightness, symmetric, brightness_factor),
            ("contrast_factor", RandomContrast, _shares, contrast_factor),
            ("saturation_factor", RandomSaturation, positive, saturation_factor),
            ("hue_factor", RandomHue, positive, hue_factor),
        ]
        self._parts: dict[str, ColorLayer] = {
            name: cls(checked(factor, f"{self}: {name}"), self.value_range)
            for name, cls, checked, factor in parts
            if factor is not None
        }
        self._given = {name: _listed(factor) for name, _, _, factor in parts}
        self.numbers = sum(part.numbers for part in self._parts.values())

    def build(self, input_shape: Shape) -> None:
        """Check that the input holds images that each part can change."""
        super().build(input_shape)
        for part in self._parts.values():
            part.build(input_shape)

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the operations of the parts."""
        recipes, at = [Recipe.step(Operation.NOTHING, [], count=len(numbers))], 0
        for part in self._parts.values():
            recipes.append(part.recipe(numbers[:, at : at + part.numbers], size))
            at += part.numbers
        return Recipe.sequence(recipes)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | self._given


def _listed(factor: Factor | None) -> Any:
    return list(factor) if isinstance(factor, (tuple, list)) else factor


class RandomGrayscale(RandomPictureLayer):
    """
    In training, make images grey with a probability; the three channels are the same then.

    A pixel's grey is .2989 red + .587 green + .114 blue.

    Parameters
    ----------
    factor
        The probability.
    data_format, seed, **kwargs
        As in `RandomPictureLayer`.
    """

    of_colors = True

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.factor = geometry.number(factor, f"{self}: factor", 0, 1, include_high=True)

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the images that become grey."""
        chosen = numbers[:, 0] < self.factor
        return Recipe.step(Operation.GRAY, [1.0], chosen, len(numbers))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"factor": self.factor}


class RandomColorDegeneration(ShareLayer):
    """
    In training, bring the colours of each image nearer to grey: x + f (gray - x).

    Parameters
    ----------
    factor
        A share f in [0, 1], which stands for the range (0, f), or the range (low, high); 1 makes
        the image grey.
    value_range, data_format, seed, **kwargs
        As in `ColorLayer`.
    """

    operation = Operation.GRAY
    of_colors = True
