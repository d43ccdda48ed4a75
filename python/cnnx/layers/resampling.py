"""Images and sequences of any other size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnx import geometry
from cnnx.arrays import Array, Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_rank
from cnnx.registry import choice

COORDINATES = ("half_pixel", "asymmetric", "align_corners")
ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


class Axis(NamedTuple):
    """
    Where the elements of one axis come from: (1 - share) x[lower] + share x[upper].

    Attributes
    ----------
    lower, upper
        Indices of the input.
    share
        Of the upper one; all zero for the nearest.
    """

    lower: Array
    upper: Array
    share: Float


class Resampling(Layer):
    """
    Give images or sequences another size, by the nearest pixels or by linear interpolation.

    With n pixels, m wanted and scale s, the middle of output pixel i lies at (i + 1/2) / s - 1/2 of
    the input ('half_pixel'), at i / s ('asymmetric') or at i (n - 1) / (m - 1) ('align_corners').
    Linear interpolation weighs the two pixels around it, along each axis in turn; beyond the
    outermost pixels these are repeated.

    Input (batch, ..., channels), output (batch, *size, channels).

    Parameters
    ----------
    size
        (height, width) of images, (steps,) of sequences.
    interpolation
        'nearest' or 'linear'.
    coordinates
        'half_pixel', 'asymmetric' or 'align_corners'.
    rounding
        How 'nearest' chooses a pixel: 'floor', 'ceil', 'round_prefer_floor' or 'round_prefer_ceil',
        which differ for halves.
    scales
        s for each axis; by default m / n.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(size, (tuple, list)):
            raise TypeError(f"{self}: size must be (height, width) or (steps,), got {size!r}")
        if not 1 <= len(size) <= 2:
            raise ValueError(f"{self}: size must be (height, width) or (steps,), got {size!r}")
        self.size = geometry.extents(size, f"{self}: size", len(size))
        self.interpolation = choice(interpolation, f"{self}: interpolation", "nearest", "linear")
        self.coordinates = choice(coordinates, f"{self}: coordinates", *COORDINATES)
        self.rounding = choice(rounding, f"{self}: rounding", *ROUNDINGS)
        self.scales = None
        if scales is not None:
            if not isinstance(scales, (tuple, list)):
                raise TypeError(f"{self}: scales must be a number for each axis, got {scales!r}")
            if len(scales) != len(self.size):
                raise ValueError(f"{self}: scales must be as many as size, got {scales!r}")
            self.scales = [geometry.number(s, f"{self}: scales", 1e-6, 1e6) for s in scales]

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
            return Axis(near, near, np.zeros(wanted, np.float32))
        places = np.clip(places, 0, extent - 1)
        lower = np.minimum(np.floor(places), max(extent - 2, 0)).astype(np.intp)
        upper = np.minimum(lower + 1, extent - 1)
        return Axis(lower, upper, (places - lower).astype(np.float32))

    traits = Traits(reads_inputs=False, reads_output=False)

    def bind(self, call: Call) -> None:
        """Work out where each pixel comes from."""
        call.axes = [self.axis(n, extent) for n, extent in enumerate(call.shapes[0][:-1])]

    def forward(self, call: Call, x: Float) -> None:
        """Write the pixels, along one axis after the other."""
        for number, axis in enumerate(call.axes, start=1):
            x = _along(x, axis, number)
        np.copyto(call.y, x)

    def backward(self, call: Call, dy: Float) -> None:
        """Send each gradient to the pixels that it came from, in the same shares."""
        for number, axis in reversed(list(enumerate(call.axes, start=1))):
            extent = call.shapes[0][number - 1]
            dx = np.zeros((*dy.shape[:number], extent, *dy.shape[number + 1 :]), np.float32)
            before, share = (slice(None),) * number, _beside(axis.share, number, dy.ndim)
            np.add.at(dx, (*before, axis.lower), dy * (1 - share))
            if self.interpolation == "linear":
                np.add.at(dx, (*before, axis.upper), dy * share)
            dy = dx
        np.copyto(call.dx[0], dy)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "size": list(self.size),
            "interpolation": self.interpolation,
            "coordinates": self.coordinates,
            "rounding": self.rounding,
            "scales": self.scales,
        }


def _rounded(places: Array, rounding: str) -> Array:
    if rounding == "round_prefer_floor":
        return np.ceil(places - 0.5)
    if rounding == "round_prefer_ceil":
        return np.floor(places + 0.5)
    return np.floor(places) if rounding == "floor" else np.ceil(places)


def _beside(share: Float, axis: int, rank: int) -> Float:
    return share.reshape(-1, *[1] * (rank - axis - 1))


def _along(x: Float, axis: Axis, number: int) -> Float:
    lower: Float = np.take(x, axis.lower, axis=number)
    if not axis.share.any():
        return lower
    share = _beside(axis.share, number, x.ndim)
    upper = np.take(x, axis.upper, axis=number)
    upper -= lower
    upper *= share
    lower += upper
    return lower
