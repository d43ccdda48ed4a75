"""Layers that take some elements of each sample, or say where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer


class Take(Layer):
    """
    Take elements along an axis by their numbers: y[..., i, ...] = x[..., indices[i], ...].

    Parameters
    ----------
    indices
        Numbers from 0 on, in any order; each may come several times.
    axis
        The axis, the batch being axis 0: -1 is the last.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, indices: Sequence[int], axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(indices, (tuple, list)):
            raise TypeError(f"{self}: indices must be a list of whole numbers, got {indices!r}")
        self.indices = [geometry.integer(n, f"{self}: indices", minimum=0) for n in indices]
        if not self.indices:
            raise ValueError(f"{self}: indices must hold a number at least, got {indices!r}")
        self.axis = geometry.integer(axis, f"{self}: axis", minimum=-geometry.MAX_RANK)

    def place(self, input_shape: Shape) -> int:
        """Return the axis counted from the front, after checking that it is long enough."""
        (axis,) = geometry.sample_axes((self.axis,), len(input_shape), f"{self}: axis")
        extent = input_shape[axis]
        if extent is not None and max(self.indices) >= extent:
            raise ValueError(
                f"{self}: indices must be less than {extent}, the extent of axis {axis} "
                f"of shape {tuple(input_shape)}, got {max(self.indices)}"
            )
        return axis

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with as many elements as indices."""
        axis = self.place(input_shape)
        return (*input_shape[:axis], len(self.indices), *input_shape[axis + 1 :])

    traits = Traits(reads_inputs=False, reads_output=False)

    def bind(self, call: Call) -> None:
        """Make an array of the indices, or a slice if they are evenly spaced."""
        call.axis = self.place((None, *call.shapes[0]))
        steps = set(np.diff(self.indices).tolist()) or {1}
        call.slice = None
        if len(steps) == 1 and min(steps) > 0:
            call.slice = slice(self.indices[0], self.indices[-1] + 1, min(steps))
        call.places = np.array(self.indices)

    def forward(self, call: Call, x: Float) -> None:
        """Write the elements."""
        if call.slice is not None:
            np.copyto(call.y, x[(slice(None),) * call.axis + (call.slice,)])
        else:
            np.take(x, call.places, axis=call.axis, out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Add each gradient up where its element lies."""
        (dx,), before = call.dx, (slice(None),) * call.axis
        dx[...] = 0
        if call.slice is not None:
            dx[(*before, call.slice)] = dy
        else:
            np.add.at(dx, (*before, call.places), dy)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"indices": self.indices, "axis": self.axis}


class ArgMax(Layer):
    """
    Return the place of the largest element along an axis, the first of equal ones, as a number.

    The gradient is 0: places do not change with small changes of the elements.

    Parameters
    ----------
    axis
        The axis, the batch being axis 0: -1 is the last.
    keepdims
        Whether it stays as an axis of extent 1. Rows of one number are left if nothing else is.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, axis: int = -1, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = geometry.integer(axis, f"{self}: axis", minimum=-geometry.MAX_RANK)
        self.keepdims = bool(keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape without the axis, or with an extent of 1."""
        (axis,) = geometry.sample_axes((self.axis,), len(input_shape), f"{self}: axis")
        left = (*input_shape[:axis], *[1] * self.keepdims, *input_shape[axis + 1 :])
        return left if len(left) > 1 else (*left, 1)

    traits = Traits(reads_inputs=False, reads_output=False)

    def forward(self, call: Call, x: Float) -> None:
        """Write the places."""
        call.y[...] = x.argmax(axis=self.axis).reshape(call.y.shape)

    def backward(self, call: Call, dy: Float) -> None:
        """Write zeros."""
        call.dx[0][...] = 0

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"axis": self.axis, "keepdims": self.keepdims}
