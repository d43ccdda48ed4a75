"""One number for all elements along some axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer
from cnnx.registry import choice


class Reduction(Layer):
    """
    Sum up each sample along some axes, or take the mean, the largest or the smallest element.

    Parameters
    ----------
    operation
        'mean', 'sum', 'max' or 'min'. The gradient of the last two goes to the first of equal
        elements alone.
    axis
        Axis or axes to reduce, the batch being axis 0: -1 is the last. None reduces all but the
        batch.
    keepdims
        Whether they stay as axes of extent 1. Rows of one number are left if nothing else is.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(
        self,
        operation: str = "mean",
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.operation = choice(operation, f"{self}: operation", "mean", "sum", "max", "min")
        self.axis = None
        if axis is not None:
            self.axis = geometry.integers(axis, f"{self}: axis", minimum=-geometry.MAX_RANK)
            if not self.axis:
                raise ValueError(f"{self}: axis must name an axis, such as -1, or be None")
        self.keepdims = bool(keepdims)

    def axes(self, rank: int) -> tuple[int, ...]:
        """Return the axes of an array with so many axes, counted from the front."""
        if self.axis is None:
            return tuple(range(1, rank))
        return geometry.sample_axes(self.axis, rank, f"{self}: axis")

    def build(self, input_shape: Shape) -> None:
        """Check that there are such axes."""
        self.axes(len(input_shape))

    def accepts(self, *input_shapes: Shape) -> bool:
        """Return whether the axes exist: there are no weights."""
        self.axes(len(input_shapes[0]))
        return True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape without the axes, or with extents of 1."""
        axes = self.axes(len(input_shape))
        if self.keepdims:
            return tuple(1 if n in axes else extent for n, extent in enumerate(input_shape))
        left = tuple(extent for n, extent in enumerate(input_shape) if n not in axes)
        return left if len(left) > 1 else (*left, 1)

    @property
    def traits(self) -> Traits:
        """The places of the largest and smallest are found again in the input."""
        finds = self.operation in ("max", "min")
        return Traits(reads_inputs=finds, reads_output=finds)

    def bind(self, call: Call) -> None:
        """Work out the axes."""
        shape = call.shapes[0]
        call.axes = self.axes(len(shape) + 1)
        call.kept = tuple(1 if n in call.axes else e for n, e in enumerate(shape, start=1))
        call.count = math.prod(shape[axis - 1] for axis in call.axes)

    def forward(self, call: Call, x: Float) -> None:
        """Write the results."""
        y = call.y.reshape(len(x), *call.kept)
        reduce: Any = {"mean": np.add, "sum": np.add, "max": np.maximum, "min": np.minimum}
        reduce[self.operation].reduce(x, axis=call.axes, out=y, keepdims=True)
        if self.operation == "mean":
            y /= np.float32(call.count)

    def backward(self, call: Call, dy: Float) -> None:
        """Share each gradient out among the elements of the result."""
        (dx,), x = call.dx, call.xs[0]
        gradients = dy.reshape(len(dy), *call.kept)
        if self.operation in ("mean", "sum"):
            share = np.float32(1 / call.count if self.operation == "mean" else 1)
            np.copyto(dx, gradients * share)
            return
        axes = call.axes
        others = tuple(axis for axis in range(x.ndim) if axis not in axes)
        found = (x == call.y.reshape(gradients.shape)).transpose(*others, *axes)
        shape = found.shape
        flat = found.reshape(*shape[: len(others)], -1)
        first = np.zeros(flat.shape, np.float32)
        np.put_along_axis(first, flat.argmax(axis=-1)[..., None], np.float32(1), axis=-1)
        places = first.reshape(shape).transpose(np.argsort((*others, *axes)))
        np.multiply(gradients, places, out=dx)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "operation": self.operation,
            "axis": None if self.axis is None else list(self.axis),
            "keepdims": self.keepdims,
        }
