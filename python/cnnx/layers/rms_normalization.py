"""Samples of mean square 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.axes_layer import AxesLayer
from cnnx.layers.call import Call, Traits
from cnnx.layers.weight import Weight


class RMSNormalization(AxesLayer):
    r"""
    Divide what lies along an axis by the root of its mean square (Zhang & Sennrich 2019).

    .. math::

        y = \gamma \frac{x}{\sqrt{\mathrm{mean}(x^2) + \varepsilon}}

    Parameters
    ----------
    axis
        Axis or axes over which the mean is taken, the batch being axis 0: -1 is the last. gamma,
        the weight `scale`, begins with 1 and has one number for each element along them.
    epsilon
        Added to the mean square, > 0.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    scale: Weight

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any
    ) -> None:
        super().__init__(axis, **kwargs)
        self.epsilon = geometry.number(epsilon, f"{self}: epsilon", 1e-12, np.inf)

    def build(self, input_shape: Shape) -> None:
        """Create the scale."""
        shape = tuple(input_shape[axis] for axis in self.axes(len(input_shape)))
        self.scale = self.add_weight("scale", shape, "ones")

    traits = Traits(reads_output=False)

    def bind(self, call: Call) -> None:
        """Work out how the scale lies along a sample."""
        shape = call.shapes[0]
        call.axes = self.axes(len(shape) + 1)
        call.along = tuple(n if axis in call.axes else 1 for axis, n in enumerate(shape, 1))

    def forward(self, call: Call, x: Float) -> None:
        """Write gamma x over the root of the mean square."""
        call.inverse = 1 / np.sqrt(_mean(np.square(x), call) + np.float32(self.epsilon))
        np.multiply(x, call.inverse, out=call.y)
        call.y *= self.scale.value.reshape(call.along)

    def backward(self, call: Call, dy: Float) -> None:
        """
        Write the gradients of gamma and the input.

        With x^ = x / root and g = gamma dy: dx = (g - x^ mean(g x^)) / root.
        """
        normal = call.xs[0] * call.inverse
        gradient, (dx,) = call.gradient(self.scale), call.dx
        if gradient is not None:
            others = tuple(axis for axis in range(1, dy.ndim) if axis not in call.axes)
            total = (dy * normal).sum(axis=(0, *others), dtype=np.float64)
            np.copyto(gradient, total, casting="same_kind")
        if dx is not None:
            scaled = dy * self.scale.value.reshape(call.along)
            normal *= _mean(scaled * normal, call)
            np.subtract(scaled, normal, out=dx)
            dx *= call.inverse

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}


def _mean(x: Float, call: Call) -> Float:
    """Return the mean of what belongs together, added up in float64."""
    mean: Float = x.mean(axis=call.axes, dtype=np.float64, keepdims=True).astype(np.float32)
    return mean
