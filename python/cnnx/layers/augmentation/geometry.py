"""Layers that move the pixels of each picture in training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnx import _core, geometry
from cnnx.arrays import Array, Float, Shape
from cnnx.layers.augmentation.factors import Factor, between, positive, symmetric
from cnnx.layers.augmentation.random_picture_layer import RandomPictureLayer, RecipeChange
from cnnx.layers.augmentation.recipe import Operation, Recipe, Settings
from cnnx.layers.picture_layer import Change
from cnnx.registry import choice

_FILL_MODES = ("constant", "nearest", "reflect", "wrap")
_FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")
_INTERPOLATIONS = ("bilinear", "nearest")


class _Warp(RecipeChange):
    """One map of the pixels' places."""

    def __init__(self, recipe: Recipe, settings: Settings) -> None:
        super().__init__(recipe, settings)
        identity = np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32)
        moving = recipe.operations == Operation.WARP
        self._transforms = np.where(moving, recipe.parameters[:, 0], identity)

    def gradient(self, dy: Float, dx: Float, owner: str) -> None:
        """Bring each pixel's gradient back to where the pixel came from."""
        used = self._settings
        _core.warp_backward_data(
            dy, self._transforms, dx, used.fill_mode, used.interpolation, used.fill_value
        )


class RandomTransform(RandomPictureLayer):
    """
    In training, move the pixels of each image by a map of its own.

    Subclasses implement `maps`.

    Parameters
    ----------
    fill_mode
        What lies outside the image: 'constant' (`fill_value`), 'nearest' (the nearest pixel),
        'reflect' (its mirror image) or 'wrap' (its copy).
    interpolation
        'bilinear', between the four pixels around a place, or 'nearest'.
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    fill_value
        The number outside.
    data_format
        None or 'channels_last'.
    **kwargs
        bounding_box_format as in `PictureLayer`; input_shape, name and trainable as in `Layer`.
    """

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.fill_mode = choice(fill_mode, f"{self}: fill_mode", *_FILL_MODES)
        self.interpolation = choice(interpolation, f"{self}: interpolation", *_INTERPOLATIONS)
        self.fill_value = geometry.number(fill_value, f"{self}: fill_value", -np.inf, np.inf)
        self.settings = Settings(
            fill_mode=self.fill_mode,
            interpolation=self.interpolation,
            fill_value=self.fill_value,
        )

    def maps(self, numbers: Float, size: Array) -> tuple[Array, Array]:
        """
        Return the maps of images.

        Parameters
        ----------
        numbers
            From 0 to 1, shape (images, `numbers`).
        size
            Height and width of the images.

        Returns
        -------
        linear
            Shape (images, 2, 2): multiplies a pixel's (row, column) from the image's centre.
        shift
            Shape (images, 2): is added to it, in pixels. The result is the place in the input that
            the pixel is taken from.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement maps")

    centred = True
    """Whether maps turn about the image's centre, rather than its first pixel."""

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return one map of each image."""
        linear, shift = self.maps(numbers, np.array(size, np.float64))
        centre = (np.array(size) - 1) / 2 if self.centred else np.zeros(2)
        constant = centre + shift - linear @ centre
        rows = np.concatenate([linear, constant[..., None]], 2).reshape(len(numbers), 6)
        return Recipe.step(Operation.WARP, list(rows.T), count=len(numbers))

    def draw(self, shape: Shape) -> Change:
        """Draw the maps of a batch."""
        recipe = self.recipe(self.uniform_numbers(shape[0]), (shape[1], shape[2]))
        return _Warp(recipe, self.settings)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


class RandomFlip(RandomTransform):
    """
    In training, mirror each image with probability 1/2.

    Parameters
    ----------
    mode
        'horizontal' (left becomes right), 'vertical', or 'horizontal_and_vertical', which draws for
        both by themselves.
    seed, data_format, **kwargs
        As in `RandomTransform`.
    """

    numbers = 2

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = choice(mode, f"{self}: mode", *_FLIPS)

    def maps(self, numbers: Float, size: Array) -> tuple[Array, Array]:
        """Return a sign for each axis that may be mirrored."""
        signs = np.where(numbers < 0.5, -1.0, 1.0)
        for axis, name in enumerate(("vertical", "horizontal")):
            if name not in self.mode:
                signs[:, axis] = 1
        return _scaling(signs), np.zeros((len(numbers), 2))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return RandomPictureLayer.get_config(self) | {"mode": self.mode}


class RandomTranslation(RandomTransform):
    """
    In training, shift each image down and to the right by random shares of its size.

    Parameters
    ----------
    height_factor, width_factor
        A share f, which stands for the range (-f, f), or the range (low, high).
    fill_mode, interpolation, seed, fill_value, data_format, **kwargs
        As in `RandomTransform`.
    """

    numbers = 2

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = symmetric(height_factor, f"{self}: height_factor")
        self.width_factor = symmetric(width_factor, f"{self}: width_factor")

    def maps(self, numbers: Float, size: Array) -> tuple[Array, Array]:
        """Return a shift for each axis."""
        shares = [
            between(factor, numbers[:, axis])
            for axis, factor in enumerate((self.height_factor, self.width_factor))
        ]
        return _scaling(np.ones((len(numbers), 2))), -np.stack(shares, 1) * size

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "height_factor": list(self.height_factor),
            "width_factor": list(self.width_factor),
        }


class RandomRotation(RandomTransform):
    """
    In training, turn each image counter-clockwise by a random angle.

    Parameters
    ----------
    factor
        In full turns: a share f, which stands for the range (-f, f), or the range (low, high).
    fill_mode, interpolation, seed, fill_value, data_format, **kwargs
        As in `RandomTransform`.
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = symmetric(factor, f"{self}: factor")

    def maps(self, numbers: Float, size: Array) -> tuple[Array, Array]:
        """Return a rotation."""
        angles = 2 * np.pi * between(self.factor, numbers[:, 0]).astype(np.float64)
        cos, sin = np.cos(angles), np.sin(angles)
        linear = np.stack([cos, sin, -sin, cos], 1).reshape(-1, 2, 2)
        return linear, np.zeros((len(numbers), 2))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"factor": list(self.factor)}


class RandomZoom(RandomTransform):
    """
    In training, make what each image shows larger or smaller about its centre.

    Parameters
    ----------
    height_factor
        A share f, which stands for the range (-f, f), or the range (low, high); .2 shows 20 % more
        than the image (zooms out), -.2 shows 20 % less.
    width_factor
        The same for the width; None draws one factor for both.
    fill_mode, interpolation, seed, fill_value, data_format, **kwargs
        As in `RandomTransform`.
    """

    numbers = 2

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = symmetric(height_factor, f"{self}: height_factor")
        self.width_factor = (
            None if width_factor is None else symmetric(width_factor, f"{self}: width_factor")
        )

    def maps(self, numbers: Float, size: Array) -> tuple[Array, Array]:
        """Return a scale for each axis, or one for both."""
        rows = cols = between(self.height_factor, numbers[:, 0])
        if self.width_factor is not None:
            cols = between(self.width_factor, numbers[:, 1])
        return _scaling(1 + np.stack([rows, cols], 1)), np.zeros((len(numbers), 2))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "height_factor": list(self.height_factor),
            "width_factor": None if self.width_factor is None else list(self.width_factor),
        }


class RandomShear(RandomTransform):
    """
    In training, slant each image: rows move sideways with their number, columns with theirs.

    A pixel at row y and column x comes from row y + b x and column x + a y. The sign of both is
    drawn too.

    Parameters
    ----------
    x_factor, y_factor
        a and b: a share f in [0, 1], which stands for the range (-f, f), or the range (low, high).
    interpolation, fill_mode, fill_value, data_format, seed, **kwargs
        As in `RandomTransform`.
    """

    numbers = 3
    centred = False

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor = symmetric(x_factor, f"{self}: x_factor")
        self.y_factor = symmetric(y_factor, f"{self}: y_factor")

    def maps(self, numbers: Float, size: Array) -> tuple[Array, Array]:
        """Return how rows and columns slant."""
        sign = np.where(numbers[:, 2] > 0.5, -1.0, 1.0)
        linear = np.tile(np.eye(2), (len(numbers), 1, 1))
        linear[:, 0, 1] = sign * between(self.y_factor, numbers[:, 0])
        linear[:, 1, 0] = sign * between(self.x_factor, numbers[:, 1])
        return linear, np.zeros((len(numbers), 2))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "x_factor": list(self.x_factor),
            "y_factor": list(self.y_factor),
        }


class RandomPerspective(RandomTransform):
    """
    In training, show each image as if it were seen from the side.

    The corners of the image move: each but the first by a random share of its own row and column.
    The map between the two rectangles is a projective one.

    Parameters
    ----------
    factor
        Probability that an image changes: a number p draws it from (0, p) for each image, two
        numbers from (low, high).
    scale
        In [0, 1]: corners move by shares from -scale / 2 to scale / 2.
    interpolation, fill_value, seed, data_format, **kwargs
        As in `RandomTransform`; outside lies `fill_value`.
    """

    numbers = 10

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__("constant", interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = positive(factor, f"{self}: factor")
        self.scale = geometry.number(scale, f"{self}: scale", 0, 1, include_high=True)

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """Return the projective map of each image that changes."""
        changes = numbers[:, 0] < between(self.factor, numbers[:, 1])
        height, width = size
        start = np.array([[0, 0], [0, width - 1], [height - 1, 0], [height - 1, width - 1]], float)
        shares = (numbers[:, 2:].reshape(-1, 4, 2) - 0.5) * self.scale
        maps = _homographies(start, start + start * shares)
        return Recipe.step(Operation.WARP, list(maps.T), changes, len(numbers))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return RandomPictureLayer.get_config(self) | {
            "factor": list(self.factor),
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


def _homographies(start: Array, finish: Array) -> Array:
    """Return {a, ..., h} of the maps from four places, (n, 4, 2), to the same four places."""
    count = len(finish)
    rows, columns = finish[..., 0], finish[..., 1]
    one, zero = np.ones_like(rows), np.zeros_like(rows)
    equations = np.stack(
        [
            np.stack([rows, columns, one, zero, zero, zero], -1),
            np.stack([zero, zero, zero, rows, columns, one], -1),
        ],
        2,
    )
    targets = np.broadcast_to(start, finish.shape)[..., None]
    products = -targets * finish[:, :, None, :]
    system = np.concatenate([equations, products], -1).reshape(count, 8, 8)
    identity = np.eye(8)
    flat = np.abs(np.linalg.det(system)) < 1e-9  # a picture of one row, or one column
    solved = np.linalg.solve(
        np.where(flat[:, None, None], identity, system), targets.reshape(count, 8, 1)
    )[..., 0]
    nothing = np.array([1.0, 0, 0, 0, 1.0, 0, 0, 0])
    found: Array = np.where(flat[:, None], nothing, solved)
    return found


def _scaling(factors: ArrayLike) -> Array:
    """Return diagonal matrices (n, 2, 2) for factors (n, 2)."""
    return np.asarray(factors)[:, :, None] * np.eye(2)
