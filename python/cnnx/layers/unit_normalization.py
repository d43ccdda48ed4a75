"""Samples of length 1."""

from collections.abc import Sequence
from typing import Any

from cnnx.arrays import Float, Shape
from cnnx.layers.axes_layer import AxesLayer
from cnnx.layers.call import Call, Traits
from cnnx.layers.sample_normalization import along_axes, differentiate, normalize

_EPSILON = 1e-24
"""Added to the square of a length: what is 0 stays 0."""


class UnitNormalization(AxesLayer):
    r"""
    Give what lies along an axis the Euclidean length 1, so that its direction is left.

    .. math::

        y = \frac{x}{\sqrt{\lVert x \rVert_2^2 + 10^{-24}}}

    Parameters
    ----------
    axis
        Axis or axes whose elements belong together, the batch being axis 0: -1 is the last.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(axis, **kwargs)

    def build(self, input_shape: Shape) -> None:
        """Check that there are such axes."""
        self.axes(len(input_shape))

    traits = Traits(reads_output=False, gradient_in_place=True, native=True)

    def bind(self, call: Call) -> None:
        """Work out what belongs together."""
        shape = call.shapes[0]
        call.layout = along_axes(self.axes(len(shape) + 1), shape)
        call.native = call.layout.order is None

    def forward(self, call: Call, x: Float) -> None:
        """Write x over its length."""
        normalize(call, x, None, None, _EPSILON, centered=False, averaged=False)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient of x."""
        differentiate(call, dy, None, None, centered=False, averaged=False)
