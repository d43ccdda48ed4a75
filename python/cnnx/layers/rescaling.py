"""Bringing pixels into the range that a network learns from."""

from typing import Any

import numpy as np

from cnnx import _core, geometry
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

    traits = Traits(False, False, in_place=True, gradient_in_place=True, native=True)

    def bind(self, call: Call) -> None:
        """Make the arrays that the core takes: scale and offset of each channel."""
        channels = call.shapes[0][-1:] or (1,)  # a sample may be a single number
        numbers = (self.scale, self.offset, 0, 1)
        call.affine = [np.full(channels, number, np.float32) for number in numbers]

    def forward(self, call: Call, x: Float) -> None:
        """Write scale x + offset, as a normalisation with mean 0 and variance 1."""
        if not len(x):
            return
        scale, offset, mean, variance = call.affine
        rows = (x, call.y) if x.ndim > 1 else (x[:, None], call.y[:, None])
        _core.batch_norm_forward_inference(rows[0], scale, offset, mean, variance, rows[1], 0.0)

    def backward(self, call: Call, dy: Float) -> None:
        """Scale the gradient."""
        _core.weighted_sum([dy], [self.scale], call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"scale": self.scale, "offset": self.offset}
