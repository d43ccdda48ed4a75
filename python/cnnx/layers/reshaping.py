"""Layers that give a batch another shape."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, open_size_error
from cnnx.registry import choice


class Reshape(Layer):
    """
    Give each sample another shape; its elements keep their order.

    Parameters
    ----------
    target_shape
        Shape of one sample, without the batch; one extent may be -1 and is computed.
    order
        'C' reads and writes elements with the last axis running fastest, which copies nothing; 'F'
        with the first: of an image (height, width, channels), column after column of channel after
        channel.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, target_shape: Sequence[int], order: str = "C", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = choice(order, f"{self}: order", "C", "F")
        if not isinstance(target_shape, (tuple, list)):
            raise TypeError(f"{self}: target_shape must be a tuple, got {target_shape!r}")
        geometry.check_rank(target_shape, f"{self}: target_shape")
        self.target_shape = tuple(
            -1 if extent == -1 else geometry.integer(extent, f"{self}: target_shape")
            for extent in target_shape
        )
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"{self}: target_shape may hold one -1, got {self.target_shape}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, *target_shape) with the -1 computed; it is open if the input's size is."""
        if geometry.is_open(input_shape):
            if -1 not in self.target_shape:
                raise open_size_error(
                    self, input_shape, f"gives samples a fixed shape, {self.target_shape}"
                )
            return (
                input_shape[0],
                *(None if extent == -1 else extent for extent in self.target_shape),
            )
        size = math.prod(input_shape[1:])
        known = math.prod(extent for extent in self.target_shape if extent != -1)
        shape = tuple(size // known if extent == -1 else extent for extent in self.target_shape)
        if math.prod(shape) != size:
            raise ValueError(
                f"{self}: {size} elements a sample, of shape {input_shape[1:]}, "
                f"do not fit target_shape={self.target_shape}"
            )
        return (input_shape[0], *shape)

    @property
    def traits(self) -> Traits:
        """In order 'C' nothing is copied."""
        return Traits(reads_inputs=False, reads_output=False, view=self.order == "C")

    def forward(self, call: Call, x: Float) -> None:
        """Write the batch in its new shape."""
        _rearrange(x, call.y, self.order)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient in the input's shape."""
        _rearrange(dy, call.dx[0], self.order)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "target_shape": list(self.target_shape),
            "order": self.order,
        }


class Permute(Layer):
    """
    Put the axes of each sample in another order: output axis i is input axis dims[i].

    Parameters
    ----------
    dims
        The input's axes in their new order, the batch being axis 0, which stays: (2, 1, 3)
        exchanges rows and columns of images.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(dims, (tuple, list)):
            raise TypeError(f"{self}: dims must be a tuple such as (2, 1, 3), got {dims!r}")
        self.dims = geometry.integers(dims, f"{self}: dims")
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self}: dims must hold each of 1 to {len(self.dims)} once, got {self.dims}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape in the new order."""
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(
                f"{self}: dims={self.dims} is for samples of {len(self.dims)} axes, "
                f"got shape {tuple(input_shape)}"
            )
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    traits = Traits(reads_inputs=False, reads_output=False, native=True)

    def bind(self, call: Call) -> None:
        """Find out whether the core can do it, which swaps two blocks of axes side by side."""
        blocks = _swapped(call.shapes[0], self.dims)
        call.native = blocks is not None
        if blocks is not None:
            outer, rows, columns, inner = blocks
            call.seen = (len(call.y) * outer, rows, columns, inner)
            call.swapped = (len(call.y) * outer, columns, rows, inner)

    def forward(self, call: Call, x: Float) -> None:
        """Write the samples with their axes in the new order."""
        if call.native:
            _core.swap_axes(x.reshape(call.seen), call.y.reshape(call.swapped))
        else:
            np.copyto(call.y, x.transpose(0, *self.dims))

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient with its axes in the old order."""
        if call.native:
            _core.swap_axes(dy.reshape(call.swapped), call.dx[0].reshape(call.seen))
        else:
            np.copyto(call.dx[0].transpose(0, *self.dims), dy)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"dims": list(self.dims)}


def _swapped(shape: Shape, dims: Sequence[int]) -> Shape | None:
    """
    Return the extents of four blocks of axes; the middle two change places.

    None if the axes are in another order than that makes, or in their own.
    """
    order = [axis for axis in dims if shape[axis - 1] > 1]
    axes = sorted(order)
    front = next((n for n, (a, b) in enumerate(zip(axes, order, strict=True)) if a != b), None)
    if front is None:
        return None
    rows = order.index(axes[front]) - front  # as many columns come before the rows
    middle = axes[front:].index(order[front])
    swapped = [*axes[:front], *axes[front + middle :][:rows], *axes[front : front + middle]]
    if [*swapped, *axes[len(swapped) :]] != order:
        return None
    blocks = (axes[:front], axes[front : front + middle], order[front : front + rows])
    extents = [math.prod(shape[axis - 1] for axis in block) for block in blocks]
    return (*extents, math.prod(shape) // math.prod(extents))


class RepeatVector(Layer):
    """
    Repeat each row of numbers: (batch, features) to (batch, n, features).

    Parameters
    ----------
    n
        Number of copies of each row.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = geometry.integer(n, f"{self}: n")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, n, features)."""
        if len(input_shape) != 2:
            raise ValueError(
                f"{self} expects rows (batch, features), got shape {tuple(input_shape)}; put "
                "Flatten before it"
            )
        return (input_shape[0], self.n, input_shape[1])

    traits = Traits(reads_inputs=False, reads_output=False)

    def forward(self, call: Call, x: Float) -> None:
        """Write each row n times."""
        call.y[...] = x[:, None]

    def backward(self, call: Call, dy: Float) -> None:
        """Add up the gradients of each row."""
        np.sum(dy, axis=1, out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"n": self.n}


class Identity(Layer):
    """
    Return the input as it is, without copying it.

    Parameters
    ----------
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    any_size = True
    traits = Traits(reads_inputs=False, reads_output=False, view=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write the input."""
        np.copyto(call.y, x)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient."""
        np.copyto(call.dx[0], dy)


def _rearrange(x: Float, y: Float, order: str) -> None:
    """Write the samples of `x` in the shape of `y`, their elements in an order."""
    if order == "C":
        np.copyto(y, x.reshape(y.shape))
        return
    mirrored = _mirrored(y)
    np.copyto(mirrored, _mirrored(x).reshape(mirrored.shape))


def _mirrored(samples: Float) -> Float:
    """Return a view with the axes of each sample in the opposite order."""
    return samples.transpose(0, *range(samples.ndim - 1, 0, -1))


class Flatten(Reshape):
    """
    Turn each sample into one row: (batch, ...) to (batch, elements).

    Parameters
    ----------
    data_format
        None or 'channels_last'; 'channels_first' takes arrays (batch, channels, ...) and makes the
        rows that it makes of the same images with the channels last.
    order
        'C' goes through an image pixel by pixel, row after row, all channels of a pixel together,
        as Keras does; 'F' stacks the columns of the first channel, then those of the second, ...,
        the vec of matrix algebra.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, data_format: str | None = None, order: str = "C", **kwargs: Any) -> None:
        super().__init__((-1,), order, **kwargs)
        self.take_layout(data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self) | {"order": self.order}
