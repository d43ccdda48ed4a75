"""Samples of mean square 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.axes_layer import AxesLayer
from cnnx.layers.call import Call, Traits
from cnnx.layers.sample_normalization import along_axes, differentiate, normalize
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

    traits = Traits(reads_output=False, gradient_in_place=True, native=True)

    def bind(self, call: Call) -> None:
        """Work out what belongs together."""
        shape = call.shapes[0]
        call.layout = along_axes(self.axes(len(shape) + 1), shape)
        call.native = call.layout.order is None

    def forward(self, call: Call, x: Float) -> None:
        """Write gamma x over the root of the mean square."""
        normalize(call, x, self.scale, None, self.epsilon, centered=False)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradients of gamma and the input."""
        differentiate(call, dy, self.scale, None, centered=False)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}
