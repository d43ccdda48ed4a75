"""Layers that show training a slightly different picture each time; otherwise they do nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnx import _core, geometry
from cnnx.arrays import Array, Float, Shape
from cnnx.buffer import Buffer
from cnnx.layers.layer import image_shape
from cnnx.layers.random_layer import RandomLayer
from cnnx.registry import choice

Factor = float | Sequence[float]
"""A share f, which stands for the range (-f, f), or the range (low, high) itself."""

_FILL_MODES = ("constant", "nearest", "reflect", "wrap")
_FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomTransform(RandomLayer):
    """
    In training, move the pixels of each image by an affine map of its own.

    Subclasses implement `draw`. Values between pixels are interpolated linearly.

    Parameters
    ----------
    fill_mode
        What lies outside the image: 'constant' (zeros), 'nearest' (the nearest pixel), 'reflect'
        (its mirror image) or 'wrap' (its copy).
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, fill_mode: str = "reflect", seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.fill_mode = choice(fill_mode, f"{self}: fill_mode", *_FILL_MODES)

    def draw(self, count: int) -> tuple[Array, Array]:
        """
        Draw the maps of `count` images.

        Returns
        -------
        linear
            Shape (count, 2, 2): multiplies a pixel's (row, column) from the image's centre.
        shift
            Shape (count, 2): is added to it, in heights and widths of the image. The result is
            the place in the input that the pixel is taken from.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement draw")

    def build(self, input_shape: Shape) -> None:
        """Prepare the buffers."""
        height, width, _ = image_shape(self, input_shape)
        self._size = np.array([height, width], np.float64)
        self._output = Buffer(input_shape[1:])
        self._input_gradient = Buffer(input_shape[1:])
        self._transforms: Float | None = None

    def forward(self, x: Float, training: bool) -> Float:
        """Return the moved images, or the input itself."""
        self._transforms = None
        if not training:
            return x
        linear, shift = self.draw(len(x))
        centre = (self._size - 1) / 2
        constant = centre + shift * self._size - linear @ centre
        self._transforms = np.concatenate([linear, constant[..., None]], 2, dtype=np.float32)
        y = self._output.rows(len(x))
        _core.affine_forward(x, self._transforms, y, self.fill_mode)
        return y

    def backward(self, dy: Float) -> Float:
        """Bring each pixel's gradient back to where the pixel came from."""
        if self._transforms is None:
            return dy
        dx = self._input_gradient.rows(len(dy))
        _core.affine_backward_data(dy, self._transforms, dx, self.fill_mode)
        return dx

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"fill_mode": self.fill_mode}


class RandomFlip(RandomTransform):
    """
    In training, mirror each image with probability 1/2.

    Parameters
    ----------
    mode
        'horizontal' (left becomes right), 'vertical', or 'horizontal_and_vertical'.
    seed, **kwargs
        As in `RandomTransform`.
    """

    def __init__(
        self, mode: str = "horizontal_and_vertical", seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.mode = choice(mode, f"{self}: mode", *_FLIPS)

    def draw(self, count: int) -> tuple[Array, Array]:
        """Draw a sign for each axis that may be mirrored."""
        signs = self.generator.choice([-1.0, 1.0], (count, 2))
        for axis, name in enumerate(("vertical", "horizontal")):
            if name not in self.mode:
                signs[:, axis] = 1
        return _scaling(signs), np.zeros((count, 2))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return RandomLayer.get_config(self) | {"mode": self.mode}


class RandomTranslation(RandomTransform):
    """
    In training, shift each image down and to the right by random shares of its size.

    Parameters
    ----------
    height_factor, width_factor
        A share f, which stands for the range (-f, f), or the range (low, high).
    fill_mode, seed, **kwargs
        As in `RandomTransform`.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, seed, **kwargs)
        self.height_factor = _range(height_factor, f"{self}: height_factor")
        self.width_factor = _range(width_factor, f"{self}: width_factor")

    def draw(self, count: int) -> tuple[Array, Array]:
        """Draw a shift for each axis."""
        low, high = np.transpose([self.height_factor, self.width_factor])
        return _scaling(np.ones((count, 2))), -self.generator.uniform(low, high, (count, 2))

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
    fill_mode, seed, **kwargs
        As in `RandomTransform`.
    """

    def __init__(
        self, factor: Factor, fill_mode: str = "reflect", seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(fill_mode, seed, **kwargs)
        self.factor = _range(factor, f"{self}: factor")

    def draw(self, count: int) -> tuple[Array, Array]:
        """Draw an angle."""
        angles = 2 * np.pi * self.generator.uniform(*self.factor, count)
        cos, sin = np.cos(angles), np.sin(angles)
        linear = np.stack([cos, sin, -sin, cos], 1).reshape(count, 2, 2)
        return linear, np.zeros((count, 2))

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
    fill_mode, seed, **kwargs
        As in `RandomTransform`.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, seed, **kwargs)
        self.height_factor = _range(height_factor, f"{self}: height_factor")
        self.width_factor = (
            None if width_factor is None else _range(width_factor, f"{self}: width_factor")
        )

    def draw(self, count: int) -> tuple[Array, Array]:
        """Draw a scale for each axis, or one for both."""
        rows = cols = self.generator.uniform(*self.height_factor, count)
        if self.width_factor is not None:
            cols = self.generator.uniform(*self.width_factor, count)
        return _scaling(1 + np.stack([rows, cols], 1)), np.zeros((count, 2))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "height_factor": list(self.height_factor),
            "width_factor": None if self.width_factor is None else list(self.width_factor),
        }


class RandomContrast(RandomLayer):
    """
    In training, multiply the distance of each image's pixels from their mean by a random factor.

    The mean is that of the image's channel.

    Parameters
    ----------
    factor
        A share f: the factor lies between 1 - f and 1 + f; or (low, high) for 1 + low to 1 + high.
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, factor: Factor, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.factor = _range(factor, f"{self}: factor")

    def build(self, input_shape: Shape) -> None:
        """Prepare the output's buffer."""
        image_shape(self, input_shape)
        self._output = Buffer(input_shape[1:])
        self._factors: Float | None = None

    def forward(self, x: Float, training: bool) -> Float:
        """Return the images with another contrast, or the input itself."""
        self._factors = None
        if not training:
            return x
        factors = 1 + self.generator.uniform(*self.factor, (len(x), 1, 1, 1))
        self._factors = factors.astype(np.float32)
        return self._scale(x, self._factors, self._output.rows(len(x)))

    def backward(self, dy: Float) -> Float:
        """Do the same to the gradient, in place: the operation is its own adjoint."""
        return dy if self._factors is None else self._scale(dy, self._factors, dy)

    def _scale(self, x: Float, factors: Float, y: Float) -> Float:
        """Write factor x + (1 - factor) mean(x) to `y`."""
        means = x.mean(axis=(1, 2), keepdims=True)
        np.multiply(x, factors, out=y)
        y += (1 - factors) * means
        return y

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"factor": list(self.factor)}


def _range(factor: Any, name: str) -> tuple[float, float]:
    """Return a range in [-1, 1] of a share, or of its two ends."""
    if isinstance(factor, (tuple, list)):
        if len(factor) != 2:
            raise ValueError(f"{name} must be a share or (low, high), got {factor!r}")
        low, high = (geometry.number(end, name, -1, 1, include_high=True) for end in factor)
        if low > high:
            raise ValueError(f"{name} must be (low, high), got {factor!r}")
        return low, high
    share = geometry.number(factor, name, 0, 1, include_high=True)
    return -share, share


def _scaling(factors: ArrayLike) -> Array:
    """Return diagonal matrices (n, 2, 2) for factors (n, 2)."""
    return np.asarray(factors)[:, :, None] * np.eye(2)
