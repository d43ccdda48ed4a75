"""Bringing pixels into the range that a network learns from."""

from typing import Any

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer


class Rescaling(Layer):
    """
    Multiply and shift every element: y = scale x + offset.

    Parameters
    ----------
    scale
        Such as 1 / 255, which brings the pixels of a picture to 0 to 1; or one number for each
        channel.
    offset
        Added afterwards; or one number for each channel.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = _numbers(scale, f"{self}: scale")
        self.offset = _numbers(offset, f"{self}: offset")

    traits = Traits(False, False, in_place=True, gradient_in_place=True, native=True)

    def build(self, input_shape: Shape) -> None:
        """Check that there are as many channels as numbers."""
        channels = input_shape[-1] if len(input_shape) > 1 else 1
        for name, numbers in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(numbers, list) and len(numbers) not in (1, channels):
                raise ValueError(
                    f"{self}: {name} must be one number or {channels}, one for each channel, got "
                    f"{numbers}"
                )

    def bind(self, call: Call) -> None:
        """Make the arrays that the core takes: scale and offset of each channel."""
        channels = call.shapes[0][-1:] or (1,)  # a sample may be a single number
        numbers = (self.scale, self.offset, 0, 1)
        call.affine = [
            np.ascontiguousarray(np.broadcast_to(np.asarray(number, np.float32), channels))
            for number in numbers
        ]

    def forward(self, call: Call, x: Float) -> None:
        """Write scale x + offset, as a normalisation with mean 0 and variance 1."""
        if not len(x):
            return
        scale, offset, mean, variance = call.affine
        rows = (x, call.y) if x.ndim > 1 else (x[:, None], call.y[:, None])
        _core.batch_norm_forward_inference(rows[0], scale, offset, mean, variance, rows[1], 0.0)

    def backward(self, call: Call, dy: Float) -> None:
        """Scale the gradient."""
        if isinstance(self.scale, list):
            _core.bias_multiply_forward(dy, call.affine[0], call.dx[0])
        else:
            _core.weighted_sum([dy], [self.scale], call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


def _numbers(given: Any, name: str) -> float | list[float]:
    """Return a number, or a list of them for a list or an array."""
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if not isinstance(given, (tuple, list)):
        return geometry.number(given, name, -np.inf, np.inf)
    if not given:
        raise ValueError(f"{name} must hold a number at least")
    return [geometry.number(n, name, -np.inf, np.inf) for n in given]
