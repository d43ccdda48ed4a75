"""Samples as a network wants them: numbers in the range that it learns from, images of its size."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from cnnx import _core, geometry, initializers
from cnnx.arrays import Float, Shape, as_float32
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_channels_axis
from cnnx.layers.weight import Weight
from cnnx.streams import begun, is_stream


class Normalization(Layer):
    """
    Give each channel mean 0 and deviation 1, with fixed statistics: y = (x - mean) / deviation.

    The statistics are weights that training does not change: `adapt` takes them from samples.
    Deviations below 1e-7 count as 1e-7.

    Parameters
    ----------
    axis
        -1: a mean and a variance for each channel. None: one for all numbers.
    mean, variance
        The statistics, one number or one for each channel; both or none. Without them 0 and 1 until
        `adapt`.
    invert
        Whether to compute x deviation + mean instead.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True
    mean: Weight
    variance: Weight

    def __init__(
        self,
        axis: int | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = None if axis is None else geometry.integer(axis, f"{self}: axis", minimum=-1)
        if (mean is None) != (variance is None):
            raise ValueError(f"{self}: mean and variance are given together, or neither is")
        self.given_mean = _statistics(self, "mean", mean)
        self.given_variance = _statistics(self, "variance", variance)
        if self.given_variance is not None and min(self.given_variance) < 0:
            raise ValueError(f"{self}: variance must not be negative, got {variance!r}")
        self.invert = bool(invert)

    def build(self, input_shape: Shape) -> None:
        """Create mean and variance."""
        if self.axis is not None:
            check_channels_axis(self, self.axis, input_shape)
        shape = (1,) if self.axis is None else input_shape[-1:]

        def add(name: str, given: list[float] | None, usual: float) -> Weight:
            numbers = [usual] if given is None else given
            if len(numbers) not in (1, shape[0]):
                raise ValueError(
                    f"{self}: {name} must be one number or {shape[0]}, got {len(numbers)}"
                )
            start = initializers.Constant(numbers[0] if len(numbers) == 1 else numbers)
            return self.add_weight(name, shape, start, trainable=False)

        self.mean = add("mean", self.given_mean, 0.0)
        self.variance = add("variance", self.given_variance, 1.0)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """
        Take mean and variance from samples.

        Parameters
        ----------
        data
            A batch (samples, ..., channels). Or a stream of batches, x or (x, y), such as those of
            `cnnx.data.image_folder` and generators: the statistics are those of all its samples,
            of which one batch at a time is in memory (Chan, Golub and LeVeque 1979).
        steps
            Batches of a stream to read; by default all.
        """
        most = None if steps is None else geometry.integer(steps, f"{self}: steps")
        batches = begun(data) if is_stream(data) else iter([data])
        count = 0
        mean: Any = np.float64(0)
        squares: Any = np.float64(0)
        for batch in itertools.islice(batches, most):
            stream = is_stream(data) and isinstance(batch, (tuple, list))
            x = as_float32(batch[0] if stream else batch, f"{self}: data")
            if x.ndim < 2 or not x.size:
                raise ValueError(
                    f"{self}: data must be samples (samples, ..., channels), got {x.shape}"
                )
            if not count:
                self.build_once((None, *x.shape[1:]))
            if self.axis is not None and x.shape[-1:] != self.mean.shape:
                raise ValueError(
                    f"{self}: all batches of data must have {self.mean.shape[0]} channels, "
                    f"got {x.shape}"
                )
            axes = tuple(range(x.ndim if self.axis is None else x.ndim - 1))
            more = math.prod(x.shape[axis] for axis in axes)
            there, spread = (f(x, axis=axes, dtype=np.float64) for f in (np.mean, np.var))
            share, away = more / (count + more), there - mean
            squares = squares + spread * more + away**2 * (count * share)
            mean = there if not count else mean + away * share
            count += more
        if not count:
            raise ValueError(f"{self}: data holds no batches")
        self.mean.assign(mean.reshape(-1).astype(np.float32))
        self.variance.assign((squares / count).reshape(-1).astype(np.float32))

    traits = Traits(False, False, in_place=False, gradient_in_place=True)

    def factors(self, channels: int) -> tuple[Float, Float]:
        """Return scale and offset, one a channel: the layer is scale x + offset."""
        deviation = np.maximum(np.sqrt(self.variance.value), np.float32(1e-7))
        scale = deviation if self.invert else 1 / deviation
        offset = self.mean.value if self.invert else -self.mean.value * scale
        return np.full(channels, scale, np.float32), np.full(channels, offset, np.float32)

    def forward(self, call: Call, x: Float) -> None:
        """Write the normalised samples."""
        scale, offset = self.factors(x.shape[-1])
        _core.bias_multiply_forward(x, scale, call.y)
        _core.bias_add_forward(call.y, offset, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Scale the gradient."""
        _core.bias_multiply_forward(dy, self.factors(dy.shape[-1])[0], call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "axis": self.axis,
            "mean": self.given_mean,
            "variance": self.given_variance,
            "invert": self.invert,
        }


def _statistics(layer: Layer, name: str, given: Any) -> list[float] | None:
    if given is None:
        return None
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    numbers = listed if isinstance(listed, (tuple, list)) else [listed]
    if not numbers:
        raise ValueError(f"{layer}: {name} must hold a number at least")
    return [geometry.number(n, f"{layer}: {name}", -np.inf, np.inf) for n in numbers]
