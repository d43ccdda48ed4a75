"""Products of two arrays that the network computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.geometry import Pair
from cnnx.layers.call import Call, Traits
from cnnx.layers.merging import Merging, give


class MatMul(Merging):
    """
    Multiply matrices: (batch, ..., m, k) and (batch, ..., k, n) to (batch, ..., m, n).

    An extent of 1 among the axes before the last two is repeated along the other's.

    Parameters are those of `Merging`.
    """

    def compute_output_shape(self, *input_shapes: Shape) -> Shape:
        """Return (batch, ..., m, n)."""
        try:
            (batch, *one), (_, *two) = input_shapes
            if len(one) != len(two) or len(one) < 2 or len({one[-1], two[-2]} - {None}) > 1:
                raise ValueError
            front = geometry.common_shape([one[:-2], two[:-2]])
        except ValueError:
            raise ValueError(
                f"{self} multiplies (batch, ..., m, k) by (batch, ..., k, n), got "
                f"{' and '.join(map(str, input_shapes))}"
            ) from None
        return (batch, *front, one[-2], two[-1])

    traits = Traits(reads_output=False)

    def forward(self, call: Call, a: Float, b: Float) -> None:
        """Write the products."""
        np.matmul(a, b, out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Write dy b^T and a^T dy, summed over what was repeated."""
        a, b = call.xs
        first, second = call.dx
        if first is not None:
            give(first, np.matmul(dy, b.swapaxes(-1, -2)))
        if second is not None:
            give(second, np.matmul(a.swapaxes(-1, -2), dy))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config()


class Dot(Merging):
    """
    Multiply two inputs along an axis of each, and add up: the products of all their vectors.

    From (batch, ..., k, ...) and (batch, ..., k, ...) the output has the axes of the first without
    its k, then those of the second without its k; (batch, 1) if none is left.

    Parameters
    ----------
    axes
        The axis of both inputs whose elements are multiplied, the batch being axis 0; or a pair of
        them.
    normalize
        Whether the vectors along these axes are given length 1 first: the products are cosines.
    **kwargs
        name and trainable, as in `Layer`.
    """

    most = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        name = f"{self}: axes"
        pair = list(axes) if isinstance(axes, (tuple, list)) else [axes, axes]
        if len(pair) != 2:
            raise ValueError(f"{name} must be a whole number or two, got {axes!r}")
        least = -geometry.MAX_RANK
        first, second = (geometry.integer(axis, name, minimum=least) for axis in pair)
        self.axes: Pair = (first, second)
        self.normalize = bool(normalize)

    def places(self, ranks: Sequence[int]) -> Pair:
        """Return the axes of two arrays with so many axes, counted from the front."""
        name = f"{self}: axes"
        (first,), (second,) = (
            geometry.sample_axes([axis], rank, name)
            for axis, rank in zip(self.axes, ranks, strict=True)
        )
        return first, second

    def compute_output_shape(self, *input_shapes: Shape) -> Shape:
        """Return (batch, ...), with the axes that are left."""
        if len(input_shapes) != 2:
            raise ValueError(f"{self} takes 2 inputs, got {len(input_shapes)}")
        places = self.places([len(shape) for shape in input_shapes])
        extents = [shape[axis] for shape, axis in zip(input_shapes, places, strict=True)]
        if len(set(extents) - {None}) > 1:
            raise ValueError(
                f"{self}: the extents along axes {places} must be the same, got {extents} of "
                f"inputs of shape {' and '.join(map(str, input_shapes))}"
            )
        rest = [
            extent
            for shape, place in zip(input_shapes, places, strict=True)
            for axis, extent in enumerate(shape)
            if axis not in (0, place)
        ]
        return (input_shapes[0][0], *(rest or [1]))

    traits = Traits(reads_output=False)

    def bind(self, call: Call) -> None:
        """Find the axes."""
        call.places = self.places([len(shape) + 1 for shape in call.shapes])

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the products."""
        one, two = (
            _vectors(x / _length(x, axis) if self.normalize else x, axis)
            for x, axis in zip(xs, call.places, strict=True)
        )
        products = call.y.reshape(len(one), one.shape[1], two.shape[1])
        np.matmul(one, two.swapaxes(1, 2), out=products)

    def backward(self, call: Call, dy: Float) -> None:
        """Write dy b and dy^T a, each along the axis that was added up."""
        lengths = [_length(x, axis) for x, axis in zip(call.xs, call.places, strict=True)]
        units = call.xs
        if self.normalize:
            units = [x / long for x, long in zip(call.xs, lengths, strict=True)]
        vectors = [_vectors(x, axis) for x, axis in zip(units, call.places, strict=True)]
        products = dy.reshape(len(dy), vectors[0].shape[1], vectors[1].shape[1])
        for place, dx in enumerate(call.dx):
            if dx is None:
                continue
            axis = call.places[place]
            part = np.matmul(products.swapaxes(1, 2) if place else products, vectors[1 - place])
            part = np.moveaxis(part.reshape(np.moveaxis(dx, axis, -1).shape), -1, axis)
            if self.normalize:
                part = _unit_gradient(part, units[place], lengths[place], axis)
            np.copyto(dx, part)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        axes = self.axes[0] if len(set(self.axes)) == 1 else list(self.axes)
        return super().get_config() | {"axes": axes, "normalize": self.normalize}


def _length(x: Float, axis: int) -> Float:
    """Return the Euclidean length along an axis, which stays as an extent of 1; at least 1e-12."""
    squares = np.square(x, dtype=np.float64).sum(axis=axis, keepdims=True)
    lengths: Float = np.maximum(np.sqrt(squares), 1e-12).astype(np.float32)
    return lengths


def _unit_gradient(dy: Float, y: Float, lengths: Float, axis: int) -> Float:
    """Return the gradient of x, of which y has length 1: (dy - y sum(dy y)) / length."""
    gradient: Float = (dy - y * (dy * y).sum(axis=axis, keepdims=True)) / lengths
    return gradient


def _vectors(x: Float, axis: int) -> Float:
    """Return what lies along an axis, (batch, vectors, elements)."""
    return np.moveaxis(x, axis, -1).reshape(len(x), -1, x.shape[axis])


def dot(inputs: Any, axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Return what the layer `Dot(axes, **kwargs)` makes of a list of two inputs."""
    return Dot(axes, **kwargs)(inputs)
