"""Layers that make sequences and images larger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.geometry import Pair
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_channels_last, check_rank, image_shape
from cnnx.registry import choice


class UpSampling1D(Layer):
    """
    Repeat each step of a sequence: y[n, i, c] = x[n, floor(i / size), c].

    Input (batch, steps, channels), output (batch, steps size, channels).

    Parameters
    ----------
    size
        How often each step comes.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = geometry.integer(size, f"{self}: size")

    any_size = True
    traits = Traits(reads_inputs=False, reads_output=False)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, steps size, channels)."""
        steps, channels = check_rank(self, input_shape, 1)
        geometry.check_pixels([steps * self.size], f"{self}: size={self.size} makes an output of")
        return (input_shape[0], steps * self.size, channels)

    def forward(self, call: Call, x: Float) -> None:
        """Repeat the steps."""
        _split(call.y, 1, self.size)[...] = x[:, :, None]

    def backward(self, call: Call, dy: Float) -> None:
        """Add up the gradients of each step."""
        np.sum(_split(dy, 1, self.size), axis=2, out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"size": self.size}


class UpSampling2D(Layer):
    """
    Make images larger by whole factors.

    Input (batch, height, width, channels), output (batch, height rows, width columns, channels) for
    size (rows, columns). 'nearest' repeats pixels: y[n, i, j, c] =
    x[n, floor(i / rows), floor(j / columns), c]. 'bilinear' places the middle of output pixel i at
    (i + 1/2) / rows - 1/2 and interpolates between the two input pixels around it, in both
    directions; beyond the outermost pixels it repeats them.

    Parameters
    ----------
    size
        Factors for height and width: a whole number or two.
    data_format
        None or 'channels_last'.
    interpolation
        'nearest' or 'bilinear'.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        size: int | Pair = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_channels_last(self, data_format)
        self.size = geometry.pair(size, f"{self}: size")
        self.interpolation = choice(interpolation, f"{self}: interpolation", "nearest", "bilinear")

    any_size = True
    traits = Traits(reads_inputs=False, reads_output=False)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, height rows, width columns, channels)."""
        *extents, channels = image_shape(self, input_shape)
        large = [extent * factor for extent, factor in zip(extents, self.size, strict=True)]
        geometry.check_pixels(large, f"{self}: size={self.size} makes an output of")
        return (input_shape[0], *large, channels)

    def forward(self, call: Call, x: Float) -> None:
        """Write the larger images."""
        if self.interpolation == "bilinear":
            _stretch(_stretched(x, 1, self.size[0]), call.y, 2, self.size[1])
        else:
            _pixels(call.y, self.size)[...] = x[:, :, None, :, None]

    def backward(self, call: Call, dy: Float) -> None:
        """Send each gradient to the pixels that it came from, in the same shares."""
        if self.interpolation == "bilinear":
            np.copyto(call.dx[0], _shrunk(_shrunk(dy, 2, self.size[1]), 1, self.size[0]))
        else:
            np.sum(_pixels(dy, self.size), axis=(2, 4), out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "size": list(self.size),
            "interpolation": self.interpolation,
        }


def _split(array: Float, axis: int, factor: int) -> Float:
    """Return a view with an axis split into pixels and their copies."""
    shape = array.shape
    return array.reshape(*shape[:axis], shape[axis] // factor, factor, *shape[axis + 1 :])


def _pixels(images: Float, size: Pair) -> Float:
    """Return a view (batch, height, rows, width, columns, channels) of larger images."""
    return _split(_split(images, 2, size[1]), 1, size[0])


def _phases(factor: int) -> Iterator[tuple[int, float]]:
    """Yield the number of each copy of a pixel, and how far beyond its middle that copy lies."""
    for phase in range(factor):
        yield phase, (phase + 0.5) / factor - 0.5


def _stretch(x: Float, y: Float, axis: int, factor: int) -> None:
    """Write `x`, interpolated along an axis, to `y`."""
    copies = np.moveaxis(_split(y, axis, factor), axis + 1, 0)
    for phase, shift in _phases(factor):
        share = np.float32(abs(shift))
        np.multiply(x, 1 - share, out=copies[phase])
        copies[phase] += share * _neighbours(x, axis, shift)


def _stretched(x: Float, axis: int, factor: int) -> Float:
    """Return `x`, interpolated along an axis."""
    shape = list(x.shape)
    shape[axis] *= factor
    y = np.empty(shape, np.float32)
    _stretch(x, y, axis, factor)
    return y


def _shrunk(dy: Float, axis: int, factor: int) -> Float:
    """Return the gradient of the input of `_stretch`."""
    copies = np.moveaxis(_split(dy, axis, factor), axis + 1, 0)
    dx = np.zeros(copies.shape[1:], np.float32)
    for phase, shift in _phases(factor):
        share = np.float32(abs(shift))
        dx += (1 - share) * copies[phase]
        _add_to_neighbours(share * copies[phase], dx, axis, shift)
    return dx


def _neighbours(x: Float, axis: int, shift: float) -> Float:
    """Return for each pixel the next one in the direction of a shift; the last is its own."""
    places = np.arange(x.shape[axis]) + (1 if shift > 0 else -1)
    return x.take(places, axis=axis, mode="clip")


def _add_to_neighbours(gradient: Float, dx: Float, axis: int, shift: float) -> None:
    """Add what each pixel took of its neighbour to that neighbour's gradient."""
    gradient, dx = np.moveaxis(gradient, axis, 0), np.moveaxis(dx, axis, 0)
    if shift < 0:
        gradient, dx = gradient[::-1], dx[::-1]
    dx[1:] += gradient[:-1]
    dx[-1] += gradient[-1]
