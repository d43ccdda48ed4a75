"""Layers that show training a slightly different picture each time; otherwise they do nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnx import _core, geometry
from cnnx.arrays import Array, Float, Shape
from cnnx.layers.call import Call, Traits
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

    any_size = True

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

    traits = Traits(False, False, identity_in_use=True)

    def build(self, input_shape: Shape) -> None:
        """Check that the input holds images."""
        image_shape(self, input_shape)

    def forward(self, call: Call, x: Float) -> None:
        """Write the moved images, or the input itself."""
        call.transforms = None
        if not call.training:
            np.copyto(call.y, x)
            return
        linear, shift = self.draw(len(x))
        size = np.array(call.shapes[0][:2], np.float64)
        centre = (size - 1) / 2
        constant = centre + shift * size - linear @ centre
        call.transforms = np.concatenate([linear, constant[..., None]], 2, dtype=np.float32)
        _core.affine_forward(x, call.transforms, call.y, self.fill_mode)

    def backward(self, call: Call, dy: Float) -> None:
        """Bring each pixel's gradient back to where the pixel came from."""
        (dx,) = call.dx
        if call.transforms is None:
            np.copyto(dx, dy)
        else:
            _core.affine_backward_data(dy, call.transforms, dx, self.fill_mode)

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
        A share f in [0, 1]: the factor lies between 1 - f and 1 + f; or two shares (lower, upper)
        for 1 - lower to 1 + upper.
    value_range
        (low, high): what lies outside is set to the nearer end. None leaves all values as they are,
        which images need that are centred about 0.
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(
        self,
        factor: Factor,
        value_range: Sequence[float] | None = (0.0, 255.0),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, **kwargs)
        shares = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        self.factor = _ends(shares, f"{self}: factor", 0, 1)
        self.value_range = None
        if value_range is not None:
            name = f"{self}: value_range"
            self.value_range = _rising(_ends(value_range, name, -np.inf, np.inf), name)

    traits = Traits(False, False, gradient_in_place=True, identity_in_use=True)

    def build(self, input_shape: Shape) -> None:
        """Check that the input holds images."""
        image_shape(self, input_shape)

    def forward(self, call: Call, x: Float) -> None:
        """Write the images with another contrast, or the input itself."""
        factors = np.ones((len(x), 1, 1, 1))
        if call.training:
            lower, upper = self.factor
            factors += self.generator.uniform(-lower, upper, factors.shape)
        call.factors = factors.astype(np.float32)
        self._scale(x, call.factors, call.y)
        call.inside = None
        if call.training and self.value_range is not None:
            low, high = self.value_range
            call.inside = (call.y >= low) & (call.y <= high)
            np.clip(call.y, low, high, out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Do the same to the gradient of values in the range: the scaling is its own adjoint."""
        self._scale(dy if call.inside is None else dy * call.inside, call.factors, call.dx[0])

    def _scale(self, x: Float, factors: Float, y: Float) -> None:
        """Write factor x + (1 - factor) mean(x) to `y`."""
        means = x.mean(axis=(1, 2), keepdims=True)
        np.multiply(x, factors, out=y)
        y += (1 - factors) * means

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        value_range = None if self.value_range is None else list(self.value_range)
        return super().get_config() | {"factor": list(self.factor), "value_range": value_range}


def _range(factor: Any, name: str) -> tuple[float, float]:
    """Return a range in [-1, 1] of a share, or of its two ends."""
    if isinstance(factor, (tuple, list)):
        return _rising(_ends(factor, name, -1, 1), name)
    share = geometry.number(factor, name, 0, 1, include_high=True)
    return -share, share


def _ends(ends: Any, name: str, low: float, high: float) -> tuple[float, float]:
    """Return two numbers from `low` to `high`."""
    if not isinstance(ends, (tuple, list)):
        raise TypeError(f"{name} must be (low, high), got {ends!r}")
    if len(ends) != 2:
        raise ValueError(f"{name} must hold two numbers, got {ends!r}")
    first, second = (geometry.number(end, name, low, high, include_high=True) for end in ends)
    return first, second


def _rising(ends: tuple[float, float], name: str) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"{name} must be (low, high), got {ends!r}")
    return ends


def _scaling(factors: ArrayLike) -> Array:
    """Return diagonal matrices (n, 2, 2) for factors (n, 2)."""
    return np.asarray(factors)[:, :, None] * np.eye(2)
