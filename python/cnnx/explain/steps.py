"""What the computations by hand share."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx.arrays import Double, real_array
from cnnx.explain.layout import grid, index, number, shelves


class Steps:
    """
    A computation written out in numbers.

    `str` gives the whole text, `forward()` and `backward()` its parts. Indices in the text begin
    at 1, as in the books.
    """

    def forward(self) -> str:
        """Return the forward pass."""
        raise NotImplementedError

    def backward(self) -> str:
        """Return the backward pass."""
        raise NotImplementedError

    def __str__(self) -> str:
        return f"{self.forward()}\n\n{self.backward()}"


def volume(value: Any, name: str) -> Double:
    """Return an image as (height, width, channels)."""
    array = real_array(value, name).astype(np.float64)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            f"{name} must be (height, width) or (height, width, channels), got shape {array.shape}"
        )
    return array if array.ndim == 3 else array[..., None]


def gradient(dy: Any, shape: tuple[int, ...], owner: str) -> Double:
    """Return `dy`, by default ones, if it has the shape."""
    if dy is None:
        return np.ones(shape)
    array = real_array(dy, f"{owner}: dy").astype(np.float64)
    if array.shape != shape:
        raise ValueError(f"{owner}: dy must have shape {shape}, got {array.shape}")
    return array


def returned(dy: Double, factors: Double) -> list[str]:
    """
    Write down what each element of `dy` gives to the pixels of its window.

    Parameters
    ----------
    dy
        (rows, columns).
    factors
        What it is multiplied by for each pixel: (height, width) of a window, or (rows, columns,
        height, width) if they differ from window to window.
    """
    each = np.broadcast_to(factors, (*dy.shape, *factors.shape[-2:]))
    return shelves(
        [f"{number(float(value))} to window {index(i, j)}", *grid(value * each[i, j])]
        for (i, j), value in np.ndenumerate(dy)
    )
