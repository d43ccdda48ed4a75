"""Numbers as whole steps of a scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer


class Quantization(Layer):
    """
    Round to whole steps of a scale: y = min(max(round(x / scale) + zero_point, low), high).

    Halves are rounded to even numbers. The gradient passes as if nothing were rounded, where
    nothing is cut off (Bengio et al. 2013, the straight-through estimator).

    Parameters
    ----------
    scale
        Size of a step, > 0, or a list of one for each channel.
    zero_point
        The whole number that stands for 0, or a list of one for each channel.
    low, high
        Smallest and largest number of steps, such as 0 and 255.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(
        self,
        scale: Any,
        zero_point: Any = 0,
        low: int = 0,
        high: int = 255,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.low = geometry.integer(low, f"{self}: low", minimum=-(2**31))
        self.high = geometry.integer(high, f"{self}: high", minimum=-(2**31))
        if self.low >= self.high:
            raise ValueError(f"{self}: low={self.low} must be below high={self.high}")
        listed = list(scale) if isinstance(scale, (tuple, list)) else [scale]
        tiny = float(np.finfo(np.float32).tiny)
        self.scale = [geometry.number(n, f"{self}: scale", tiny, np.inf) for n in listed]
        points = list(zero_point) if isinstance(zero_point, (tuple, list)) else [zero_point]
        self.zero_point = [
            geometry.integer(n, f"{self}: zero_point", minimum=-(2**31)) for n in points
        ]

    def build(self, input_shape: Shape) -> None:
        """Check that there are as many scales as channels, or one."""
        for name, numbers in (("scale", self.scale), ("zero_point", self.zero_point)):
            if len(numbers) not in (1, input_shape[-1]):
                raise ValueError(
                    f"{self}: {name} must be one number or one for each of {input_shape[-1]} "
                    f"channels, got {len(numbers)}"
                )

    traits = Traits(reads_inputs=True, reads_output=False, gradient_in_place=True)

    def _steps(self, x: Float) -> Float:
        steps: Float = np.rint(x / np.array(self.scale, np.float32))
        return steps + np.array(self.zero_point, np.float32)

    def forward(self, call: Call, x: Float) -> None:
        """Write the numbers of steps."""
        np.clip(self._steps(x), np.float32(self.low), np.float32(self.high), out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Divide the gradient by the scale where nothing was cut off."""
        steps = self._steps(call.xs[0])
        inside = (steps >= np.float32(self.low)) & (steps <= np.float32(self.high))
        np.multiply(dy, inside / np.array(self.scale, np.float32), out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "scale": self.scale,
            "zero_point": self.zero_point,
            "low": self.low,
            "high": self.high,
        }
