"""Bringing pixels into the range that a network learns from."""

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float
from cnnx.layers.call import Call, Traits
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

    any_size = True

    def __init__(self, scale: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = geometry.number(scale, f"{self}: scale", -np.inf, np.inf)
        self.offset = geometry.number(offset, f"{self}: offset", -np.inf, np.inf)

    traits = Traits(False, False, in_place=True, gradient_in_place=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write scale x + offset."""
        np.multiply(x, np.float32(self.scale), out=call.y)
        call.y += np.float32(self.offset)

    def backward(self, call: Call, dy: Float) -> None:
        """Scale the gradient."""
        np.multiply(dy, np.float32(self.scale), out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"scale": self.scale, "offset": self.offset}
