"""Images and sequences of any other size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Array, Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_rank
from cnnx.registry import choice

INTERPOLATIONS = ("nearest", "linear", "cubic")
COORDINATES = ("half_pixel", "asymmetric", "align_corners")
ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


class Axis(NamedTuple):
    """
    Where the elements of one axis come from: y[i] = sum over t of shares[i, t] x[places[i, t]].

    Attributes
    ----------
    places
        Indices of the input.
    shares
        Of each place. They add up to 1, or less at the border of an image with something around.
    """

    places: Array
    shares: Float


class Window:
    """
    What the core needs to resample images or sequences.

    Parameters
    ----------
    axes
        Of rows and columns; of a sequence, of its steps.
    filling
        What a pixel is made of as far as its shares lack to 1.
    """

    def __init__(self, axes: Sequence[Axis], filling: float = 0.0) -> None:
        self._images = len(axes) == 2
        alone = Axis(np.zeros((1, 1), np.intp), np.ones((1, 1), np.float32))
        rows, columns = axes if self._images else (axes[0], alone)
        self._shares = (
            np.ascontiguousarray(rows.places, np.int32),
            np.ascontiguousarray(rows.shares, np.float32),
            np.ascontiguousarray(columns.places, np.int32),
            np.ascontiguousarray(columns.shares, np.float32),
        )
        self._filling = filling

    def _pictures(self, x: Float) -> Float:
        return x if self._images else x[:, :, None]

    def resample(self, x: Float, y: Float) -> None:
        """Write the resampled images of `x` to `y`."""
        _core.resample2d_forward(self._pictures(x), *self._shares, self._pictures(y), self._filling)

    def gradient(self, dy: Float, dx: Float) -> None:
        """Write the gradient of the images."""
        _core.resample2d_backward(self._pictures(dy), *self._shares, self._pictures(dx))


class Resampling(Layer):
    """
    Give images or sequences another size: nearest pixels, linear or cubic interpolation.

    With n pixels, m wanted and scale s, the middle of output pixel i lies at (i + 1/2) / s - 1/2 of
    the input ('half_pixel'), at i / s ('asymmetric') or at i (n - 1) / (m - 1) ('align_corners').
    Linear interpolation weighs the two pixels around it, along each axis in turn, and cubic the
    four around it; beyond the outermost pixels these are repeated. The cubic share of a pixel at a
    distance d is (a + 2) d^3 - (a + 3) d^2 + 1 for d up to 1, and a (d^3 - 5 d^2 + 8 d - 4) from
    1 to 2 (Keys 1981).

    Input (batch, ..., channels), output (batch, *size, channels).

    Parameters
    ----------
    size
        (height, width) of images, (steps,) of sequences.
    interpolation
        'nearest', 'linear' or 'cubic'.
    coordinates
        'half_pixel', 'asymmetric' or 'align_corners'.
    rounding
        How 'nearest' chooses a pixel: 'floor', 'ceil', 'round_prefer_floor' or 'round_prefer_ceil',
        which differ for halves.
    scales
        s for each axis; by default m / n.
    cubic_coefficient
        The number a of 'cubic'.
    exclude_outside
        Whether 'cubic' leaves out what lies beyond the outermost pixels, and scales the other
        shares up.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        size: Sequence[int],
        interpolation: str = "nearest",
        coordinates: str = "half_pixel",
        rounding: str = "round_prefer_floor",
        scales: Sequence[float] | None = None,
        cubic_coefficient: float = -0.75,
        exclude_outside: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(size, (tuple, list)):
            raise TypeError(f"{self}: size must be (height, width) or (steps,), got {size!r}")
        if not 1 <= len(size) <= 2:
            raise ValueError(f"{self}: size must be (height, width) or (steps,), got {size!r}")
        self.size = geometry.extents(size, f"{self}: size", len(size))
        self.interpolation = choice(interpolation, f"{self}: interpolation", *INTERPOLATIONS)
        self.coordinates = choice(coordinates, f"{self}: coordinates", *COORDINATES)
        self.rounding = choice(rounding, f"{self}: rounding", *ROUNDINGS)
        self.scales = None
        if scales is not None:
            if not isinstance(scales, (tuple, list)):
                raise TypeError(f"{self}: scales must be a number for each axis, got {scales!r}")
            if len(scales) != len(self.size):
                raise ValueError(f"{self}: scales must be as many as size, got {scales!r}")
            self.scales = [geometry.number(s, f"{self}: scales", 1e-6, 1e6) for s in scales]
        self.cubic_coefficient = geometry.number(
            cubic_coefficient, f"{self}: cubic_coefficient", -10, 10
        )
        self.exclude_outside = bool(exclude_outside)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, *size, channels)."""
        channels = check_rank(self, input_shape, len(self.size))[-1]
        geometry.check_pixels(self.size, f"{self}: size={self.size} makes an output of")
        return (input_shape[0], *self.size, channels)

    def axis(self, number: int, extent: int) -> Axis:
        """Return where the elements of an axis of the output come from."""
        wanted = self.size[number]
        scale = wanted / extent if self.scales is None else self.scales[number]
        places = np.arange(wanted, dtype=np.float64)
        if self.coordinates == "half_pixel":
            places = (places + 0.5) / scale - 0.5
        elif self.coordinates == "asymmetric":
            places = places / scale
        else:
            places = places * (extent - 1) / max(wanted - 1, 1)
        if self.interpolation == "nearest":
            near = np.clip(_rounded(places, self.rounding), 0, extent - 1).astype(np.intp)
            return Axis(near[:, None], np.ones((wanted, 1), np.float32))
        if self.interpolation == "linear":
            places = np.clip(places, 0, extent - 1)
            lower = np.minimum(np.floor(places), max(extent - 2, 0))
            upper = np.minimum(lower + 1, extent - 1)
            share = places - lower
            seen, shares = np.stack([lower, upper], 1), np.stack([1 - share, share], 1)
            return Axis(seen.astype(np.intp), shares.astype(np.float32))
        seen = np.floor(places)[:, None] + np.arange(-1, 3)
        shares = _cubic(np.abs(places[:, None] - seen), self.cubic_coefficient)
        if self.exclude_outside:
            shares *= (seen >= 0) & (seen < extent)
            shares /= shares.sum(axis=1, keepdims=True)
        return Axis(np.clip(seen, 0, extent - 1).astype(np.intp), shares.astype(np.float32))

    def axes(self, extents: tuple[int, ...]) -> list[Axis]:
        """Return where the elements of all axes come from, of inputs of these extents."""
        return [self.axis(number, extent) for number, extent in enumerate(extents)]

    traits = Traits(reads_inputs=False, reads_output=False, native=True)
    filling = 0.0
    """What a pixel is made of as far as its shares lack to 1."""

    def bind(self, call: Call) -> None:
        """Work out where each pixel comes from."""
        call.window = Window(self.axes(call.shapes[0][:-1]), self.filling)

    def forward(self, call: Call, x: Float) -> None:
        """Write the pixels, along one axis after the other."""
        if len(x):
            call.window.resample(x, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Send each gradient to the pixels that it came from, in the same shares."""
        call.window.gradient(dy, call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "size": list(self.size),
            "interpolation": self.interpolation,
            "coordinates": self.coordinates,
            "rounding": self.rounding,
            "scales": self.scales,
            "cubic_coefficient": self.cubic_coefficient,
            "exclude_outside": self.exclude_outside,
        }


def _rounded(places: Array, rounding: str) -> Array:
    if rounding == "round_prefer_floor":
        return np.ceil(places - 0.5)
    if rounding == "round_prefer_ceil":
        return np.floor(places + 0.5)
    return np.floor(places) if rounding == "floor" else np.ceil(places)


def _cubic(distances: Array, a: float) -> Array:
    """Return the shares of pixels at distances of 0 to 2."""
    d = distances
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = a * (((d - 5) * d + 8) * d - 4)
    return np.where(d <= 1, near, far)
