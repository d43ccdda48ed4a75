"""Margins of any content around each sample, and samples side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.geometry import Pair
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer
from cnnx.registry import choice


class Padding(Layer):
    """
    Put margins before and after each axis of a sample.

    Parameters
    ----------
    sides
        A pair (before, after) for each axis but the batch.
    mode
        'constant' fills the margins with `value`; 'reflect' mirrors the sample at its outermost
        elements, which are not repeated; 'edge' repeats these.
    value
        What 'constant' fills with.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        sides: Sequence[Sequence[int]],
        mode: str = "constant",
        value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(sides, (tuple, list)):
            raise TypeError(f"{self}: sides must be pairs such as ((1, 1), (0, 0)), got {sides!r}")
        geometry.check_rank(sides, f"{self}: sides")
        self.sides = tuple(geometry.pair(pair, f"{self}: sides", minimum=0) for pair in sides)
        self.mode = choice(mode, f"{self}: mode", "constant", "reflect", "edge")
        self.value = geometry.number(value, f"{self}: value", -np.inf, np.inf)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with margins."""
        if len(input_shape) != len(self.sides) + 1:
            raise ValueError(
                f"{self}: sides={self.sides} are for samples of {len(self.sides)} axes, got shape "
                f"{tuple(input_shape)}"
            )
        for extent, pair in zip(input_shape[1:], self.sides, strict=True):
            if self.mode == "reflect" and extent is not None and max(pair) >= extent:
                raise ValueError(
                    f"{self}: sides={self.sides} must be less than the extents {input_shape[1:]} "
                    "to reflect"
                )
        padded = [e and e + sum(pair) for e, pair in zip(input_shape[1:], self.sides, strict=True)]
        geometry.check_pixels(padded, f"{self}: sides={self.sides} make an output of")
        return (input_shape[0], *padded)

    traits = Traits(reads_inputs=False, reads_output=False)

    def bind(self, call: Call) -> None:
        """Find the inner part, and where each element along an axis comes from."""
        call.inside = tuple(
            slice(before, before + extent)
            for extent, (before, _) in zip(call.shapes[0], self.sides, strict=True)
        )
        call.sources = [
            _sources(extent, pair, self.mode)
            for extent, pair in zip(call.shapes[0], self.sides, strict=True)
        ]

    def forward(self, call: Call, x: Float) -> None:
        """Write the margins and, inside, the input."""
        if self.mode == "constant":
            call.y[...] = np.float32(self.value)
            call.y[(slice(None), *call.inside)] = x
            return
        for axis, sources in enumerate(call.sources, start=1):
            if sum(self.sides[axis - 1]):
                x = np.take(x, sources, axis=axis)
        np.copyto(call.y, x)

    def backward(self, call: Call, dy: Float) -> None:
        """Add each gradient up where its element came from."""
        if self.mode != "constant":
            for axis, sources in enumerate(call.sources, start=1):
                if sum(self.sides[axis - 1]):
                    dy = _returned(dy, sources, axis, call.shapes[0][axis - 1])
            np.copyto(call.dx[0], dy)
        else:
            np.copyto(call.dx[0], dy[(slice(None), *call.inside)])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "sides": [list(pair) for pair in self.sides],
            "mode": self.mode,
            "value": self.value,
        }


def _sources(extent: int, pair: Pair, mode: str) -> Any:
    """Return where each element along a padded axis comes from."""
    places = np.arange(-pair[0], extent + pair[1])
    if mode == "reflect":
        return extent - 1 - np.abs(extent - 1 - np.abs(places))
    return np.clip(places, 0, extent - 1)


def _returned(dy: Float, sources: Any, axis: int, extent: int) -> Float:
    """Return gradients added up by where elements along an axis came from."""
    dx = np.zeros((*dy.shape[:axis], extent, *dy.shape[axis + 1 :]), np.float32)
    np.add.at(dx, (slice(None),) * axis + (sources,), dy)
    return dx


class Tile(Layer):
    """
    Put copies of each sample side by side: y[n, i, ...] = x[n, i mod height, ...].

    Parameters
    ----------
    repeats
        Number of copies of the sample along each axis but the batch.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, repeats: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(repeats, (tuple, list)):
            raise TypeError(f"{self}: repeats must be a tuple such as (2, 1), got {repeats!r}")
        geometry.check_rank(repeats, f"{self}: repeats")
        self.repeats = tuple(geometry.integer(n, f"{self}: repeats") for n in repeats)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with its extents repeated."""
        if len(input_shape) != len(self.repeats) + 1:
            raise ValueError(
                f"{self}: repeats={self.repeats} are for samples of {len(self.repeats)} axes, got "
                f"shape {tuple(input_shape)}"
            )
        large = [
            extent and extent * n for extent, n in zip(input_shape[1:], self.repeats, strict=True)
        ]
        geometry.check_pixels(large, f"{self}: repeats={self.repeats} make an output of")
        return (input_shape[0], *large)

    traits = Traits(reads_inputs=False, reads_output=False)

    def bind(self, call: Call) -> None:
        """Work out the shapes in which copies have axes of their own."""
        pairs = zip(self.repeats, call.shapes[0], strict=True)
        call.apart = tuple(n for pair in pairs for n in pair)
        call.once = tuple(n for extent in call.shapes[0] for n in (1, extent))

    def forward(self, call: Call, x: Float) -> None:
        """Write the copies."""
        np.copyto(call.y.reshape(len(x), *call.apart), x.reshape(len(x), *call.once))

    def backward(self, call: Call, dy: Float) -> None:
        """Add up the gradients of the copies."""
        axes = tuple(range(1, 2 * len(self.repeats), 2))
        np.sum(dy.reshape(len(dy), *call.apart), axis=axes, out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"repeats": list(self.repeats)}
