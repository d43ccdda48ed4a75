"""What a row of a table stands for: features, an image or a series."""

from __future__ import annotations

import math
from typing import Any

from cnnx import geometry
from cnnx.arrays import Array

WORDS = ("image", "series")


def sample_shape(x: Array, input_shape: Any, owner: str) -> tuple[int, ...]:
    """
    Return the shape that samples have for the network.

    Parameters
    ----------
    x
        Samples (n, ...).
    input_shape
        The shape; 'image' for a square image of one channel, or of three where the number of
        features is three times a square; 'series' for one channel; None for that of `x`.
    owner
        What errors begin with.

    Raises
    ------
    ValueError
        For a shape of another number of values than the samples have, or a word that does not fit.
    TypeError
        For anything but a shape, one of the words or None.
    """
    given: tuple[int, ...] = x.shape[1:]
    values = math.prod(given)
    if input_shape is None:
        return given
    if isinstance(input_shape, str):
        if input_shape not in WORDS:
            raise ValueError(
                f"{owner}: input_shape must be a shape, 'image', 'series' or None, got "
                f"{input_shape!r}"
            )
        return (values, 1) if input_shape == "series" else _square(values, owner)
    shape = geometry.sample_shape(input_shape, f"{owner}: input_shape")
    if math.prod(shape) != values:
        raise ValueError(
            f"{owner}: input_shape={shape} has {math.prod(shape)} values, but the samples of X "
            f"have {values}, of shape {given}"
        )
    return shape


def _square(values: int, owner: str) -> tuple[int, ...]:
    for channels in (1, 3):
        side = math.isqrt(values // channels)
        if side * side * channels == values:
            return (side, side, channels)
    raise ValueError(
        f"{owner}: {values} features make no square image; give the shape, input_shape=(height, "
        "width, channels)"
    )
