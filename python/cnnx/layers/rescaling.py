"""Bringing pixels into the range that a network learns from."""

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.buffer import Buffer
from cnnx.layers.layer import Layer


class Rescaling(Layer):
    """
    Multiply and shift every element: y = scale x + offset.

    Parameters
    ----------
    scale
        Such as 1 / 255, which brings the pixels of a picture to 0 to 1.
    offset
        Added afterwards.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, scale: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = geometry.number(scale, f"{self}: scale", -np.inf, np.inf)
        self.offset = geometry.number(offset, f"{self}: offset", -np.inf, np.inf)

    def build(self, input_shape: Shape) -> None:
        """Prepare the output's buffer."""
        self._output = Buffer(input_shape[1:])

    def forward(self, x: Float, training: bool) -> Float:
        """Return scale x + offset."""
        y = self._output.rows(len(x))
        np.multiply(x, np.float32(self.scale), out=y)
        y += np.float32(self.offset)
        return y

    def backward(self, dy: Float) -> Float:
        """Scale `dy` in place."""
        dy *= np.float32(self.scale)
        return dy

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"scale": self.scale, "offset": self.offset}
