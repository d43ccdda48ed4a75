"""Layers that give a batch another shape, without copying it."""

import math
from collections.abc import Sequence
from typing import Any

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.layer import Layer


class Reshape(Layer):
    """
    Give each sample another shape; its elements keep their order.

    Parameters
    ----------
    target_shape
        Shape of one sample, without the batch; one extent may be -1 and is computed.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(target_shape, (tuple, list)):
            raise TypeError(f"{self}: target_shape must be a tuple, got {target_shape!r}")
        self.target_shape = tuple(
            -1 if extent == -1 else geometry.integer(extent, f"{self}: target_shape")
            for extent in target_shape
        )
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"{self}: target_shape may hold one -1, got {self.target_shape}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, *target_shape) with the -1 computed."""
        size = math.prod(input_shape[1:])
        known = math.prod(extent for extent in self.target_shape if extent != -1)
        shape = tuple(size // known if extent == -1 else extent for extent in self.target_shape)
        if math.prod(shape) != size:
            raise ValueError(
                f"{self}: {size} elements a sample, of shape {input_shape[1:]}, "
                f"do not fit target_shape={self.target_shape}"
            )
        return (input_shape[0], *shape)

    def build(self, input_shape: Shape) -> None:
        """Compute the -1."""
        self._before = input_shape[1:]
        self._after = self.compute_output_shape(input_shape)[1:]

    def forward(self, x: Float, training: bool) -> Float:
        """Return a view of the batch."""
        return x.reshape(len(x), *self._after)

    def backward(self, dy: Float) -> Float:
        """Return a view of the gradient."""
        return dy.reshape(len(dy), *self._before)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"target_shape": list(self.target_shape)}


class Flatten(Reshape):
    """
    Turn each sample into one row: (batch, ...) to (batch, elements).

    Parameters
    ----------
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__((-1,), **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self)
