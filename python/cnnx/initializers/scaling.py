"""Variances that follow from how many inputs and outputs meet in a weight."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from cnnx import registry
from cnnx.arrays import Float
from cnnx.geometry import MAX_RANK, integers, number
from cnnx.initializers.distributions import RandomNormal, RandomUniform, TruncatedNormal
from cnnx.initializers.initializer import INFINITY, Initializer


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many inputs an output sees, and how many outputs see an input."""
    if len(shape) < 2:
        extent = shape[0] if shape else 1
        return extent, extent
    window = int(np.prod(shape[:-2]))
    return window * shape[-2], window * shape[-1]


def _axes(value: Any, name: str) -> tuple[int, ...] | None:
    return None if value is None else integers(value, name, minimum=-MAX_RANK)


class VarianceScaling(Initializer):
    """
    Zero mean and variance scale / fan: the base of the Glorot, He and LeCun initializers.

    Parameters
    ----------
    scale
        > 0.
    mode
        What the fan is: 'fan_in', how many inputs an output sees; 'fan_out', how many outputs see
        an input; or 'fan_avg', their mean.
    distribution
        'truncated_normal' (within two standard deviations, before which it is widened to have the
        variance), 'untruncated_normal' or 'uniform'.
    seed
        As in `Initializer`.
    input_axes, output_axes
        The axes of a weight whose extents, multiplied, are the fans, where they are not those of a
        kernel (..., inputs, outputs); both or neither.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        name = type(self).__name__
        self.input_axes = _axes(input_axes, f"{name}: input_axes")
        self.output_axes = _axes(output_axes, f"{name}: output_axes")
        if (self.input_axes is None) != (self.output_axes is None):
            raise ValueError(
                f"{name}: input_axes={input_axes} and output_axes={output_axes} go together"
            )
        self.scale = number(scale, f"{name}: scale", 1e-30, INFINITY)
        self.mode = registry.choice(mode, f"{name}: mode", "fan_in", "fan_out", "fan_avg")
        self.distribution = registry.choice(
            distribution,
            f"{name}: distribution",
            "truncated_normal",
            "untruncated_normal",
            "uniform",
        )

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`, a kernel's (..., inputs, outputs)."""
        fan_in, fan_out = self._fans(shape)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(fans[self.mode], 1.0)
        if self.distribution == "uniform":
            limit = float(np.sqrt(3 * variance))
            return RandomUniform(-limit, limit, self.seed).make(shape)
        stddev = float(np.sqrt(variance))
        if self.distribution == "untruncated_normal":
            return RandomNormal(0.0, stddev, self.seed).make(shape)
        # The standard deviation of the normal distribution truncated at 2 is 0.8796...
        return TruncatedNormal(0.0, stddev / 0.87962566103423978, self.seed).make(shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "seed": self.seed,
            **self._axes_config(),
        }

    def _fans(self, shape: tuple[int, ...]) -> tuple[int, int]:
        if self.input_axes is None or self.output_axes is None:
            return _fans(shape)
        try:
            inputs, outputs = (
                math.prod(shape[axis] for axis in axes)
                for axes in (self.input_axes, self.output_axes)
            )
        except IndexError:
            raise ValueError(
                f"{type(self).__name__}: input_axes={self.input_axes} and "
                f"output_axes={self.output_axes} are not axes of a weight of shape {shape}"
            ) from None
        return inputs, outputs

    def _axes_config(self) -> dict[str, Any]:
        pair = {"input_axes": self.input_axes, "output_axes": self.output_axes}
        return {name: axes and list(axes) for name, axes in pair.items()}


class NamedScaling(VarianceScaling):
    """A `VarianceScaling` whose `settings` have a name."""

    settings: ClassVar[tuple[float, str, str]]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.settings, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"seed": self.seed, **self._axes_config()}


class GlorotUniform(NamedScaling):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""

    settings = 1.0, "fan_avg", "uniform"


class GlorotNormal(NamedScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""

    settings = 1.0, "fan_avg", "truncated_normal"


class HeUniform(NamedScaling):
    """Uniform in +-sqrt(6 / fan_in) (He et al. 2015)."""

    settings = 2.0, "fan_in", "uniform"


class HeNormal(NamedScaling):
    """Truncated normal with variance 2 / fan_in (He et al. 2015)."""

    settings = 2.0, "fan_in", "truncated_normal"


class LecunUniform(NamedScaling):
    """Uniform in +-sqrt(3 / fan_in) (LeCun et al. 1998)."""

    settings = 1.0, "fan_in", "uniform"


class LecunNormal(NamedScaling):
    """Truncated normal with variance 1 / fan_in (LeCun et al. 1998)."""

    settings = 1.0, "fan_in", "truncated_normal"
