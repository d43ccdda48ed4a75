"""Layers that compute each element by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnx import _core, geometry
from cnnx.activations.gated import gelu
from cnnx.arrays import Float, Shape
from cnnx.layers.affine_layer import AffineLayer
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer
from cnnx.registry import choice


class Affine(AffineLayer):
    """
    Multiply by a scale and add an offset, which are learned: y = gamma x + beta.

    Parameters
    ----------
    axis
        Axis or axes along which each element has its own gamma and beta, the batch being axis 0:
        -1 is the last. Along the others they are repeated. None shares one number among all.
    center, scale
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer
        Name or `cnnx.initializers.Initializer`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(center, scale, beta_initializer, gamma_initializer, **kwargs)
        own = () if axis is None else axis
        self.axis = geometry.integers(own, f"{self}: axis", minimum=-geometry.MAX_RANK)

    def build(self, input_shape: Shape) -> None:
        """Create gamma and beta."""
        axes = geometry.sample_axes(self.axis, len(input_shape), f"{self}: axis")
        shape = tuple(
            extent if axis in axes else 1 for axis, extent in enumerate(input_shape[1:], start=1)
        )
        self.add_gamma_and_beta(shape)

    traits = Traits(reads_output=False, gradient_in_place=True, native=True)

    def bind(self, call: Call) -> None:
        """Find out whether the core can do it: with a gamma and a beta for each channel."""
        weights = [weight for weight in (self.gamma, self.beta) if weight is not None]
        call.native = all(weight.size == call.shapes[0][-1] for weight in weights) and all(
            weight.shape[-1] == weight.size for weight in weights
        )

    def forward(self, call: Call, x: Float) -> None:
        """Write gamma x + beta."""
        if self.gamma is not None:
            if call.native:
                _core.bias_multiply_forward(x, self.gamma.value.reshape(-1), call.y)
            else:
                np.multiply(x, self.gamma.value, out=call.y)
            x = call.y
        if self.beta is not None:
            if call.native:
                _core.bias_add_forward(x, self.beta.value.reshape(-1), call.y)
            else:
                np.add(x, self.beta.value, out=call.y)
        elif x is not call.y:
            _core.linear_forward(x, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradients of gamma, beta and the input."""
        gamma, beta, dx = call.gradient(self.gamma), call.gradient(self.beta), call.dx[0]
        if call.native:
            if beta is not None:
                _core.bias_add_backward(dy, beta.reshape(-1))
        else:
            _add_up(dy, beta)
        if self.gamma is None:
            if dx is not None and dx is not dy:
                _core.linear_forward(dy, dx)
        elif call.native:
            own = None if gamma is None else gamma.reshape(-1)
            if dx is not None or own is not None:
                values = self.gamma.value.reshape(-1)
                _core.bias_multiply_backward(call.xs[0], values, dy, dx, own)
        else:
            if gamma is not None:
                _add_up(dy * call.xs[0], gamma)
            if dx is not None:
                np.multiply(dy, self.gamma.value, out=dx)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"axis": list(self.axis) or None}


def _add_up(products: Float, gradient: Float | None) -> None:
    """Write the sums of products over all samples, and along the axes of extent 1."""
    if gradient is None:
        return
    shared = tuple(axis for axis, extent in enumerate(gradient.shape, 1) if extent == 1)
    total = products.sum(axis=(0, *shared), dtype=np.float64)
    np.copyto(gradient, total.reshape(gradient.shape), casting="same_kind")


class Power(Layer):
    """
    Raise every element to a power: y = x^exponent, with derivative exponent x^(exponent - 1).

    Parameters
    ----------
    exponent
        Such as 2, 0.5 for the square root, or -1 for 1 / x. Powers of negative numbers are NaN
        unless it is whole.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, exponent: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exponent = geometry.number(exponent, f"{self}: exponent", -np.inf, np.inf)

    traits = Traits(reads_output=False, gradient_in_place=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write the powers."""
        with np.errstate(all="ignore"):
            _raise(x, self.exponent, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Multiply by the derivative."""
        x, (dx,) = call.xs[0], call.dx
        with np.errstate(all="ignore"):
            slope = np.empty_like(x)
            _raise(x, self.exponent - 1, slope)
            slope *= np.float32(self.exponent)
            np.multiply(dy, slope, out=dx)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"exponent": self.exponent}


def _raise(x: Float, exponent: float, y: Float) -> None:
    """Write powers of `x`, the usual ones without logarithms."""
    if exponent == 2:
        np.multiply(x, x, out=y)
    elif exponent == 0.5:
        np.sqrt(x, out=y)
    elif exponent == -1:
        np.divide(np.float32(1), x, out=y)
    else:
        np.power(x, np.float32(exponent), out=y)


class Clip(Layer):
    """
    Cut every element off below and above: y = min(max(x, min_value), max_value).

    The derivative is 1 between the two and 0 outside, and at them.

    Parameters
    ----------
    min_value, max_value
        The first less than the second; None is no limit.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(
        self, min_value: float | None = None, max_value: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.min_value = _limit(self, "min_value", min_value)
        self.max_value = _limit(self, "max_value", max_value)
        low, high = self.min_value, self.max_value
        if low is not None and high is not None and low > high:
            raise ValueError(f"{self}: min_value={low} must not be above max_value={high}")

    traits = Traits(reads_output=False, gradient_in_place=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write what is left of each element."""
        low = -np.inf if self.min_value is None else self.min_value
        high = np.inf if self.max_value is None else self.max_value
        np.clip(x, np.float32(low), np.float32(high), out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Pass the gradient on where nothing was cut off."""
        x = call.xs[0]
        inside = np.ones(x.shape, np.bool_)
        if self.min_value is not None:
            inside &= x > np.float32(self.min_value)
        if self.max_value is not None:
            inside &= x < np.float32(self.max_value)
        np.multiply(dy, inside, out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"min_value": self.min_value, "max_value": self.max_value}


def _limit(layer: Layer, name: str, value: Any) -> float | None:
    if value is None:
        return None
    return geometry.number(value, f"{layer}: {name}", -np.inf, np.inf)


class Elementary(Layer):
    """
    Apply a function that has no settings to every element.

    Parameters
    ----------
    function
        'abs', whose derivative at 0 is 0; 'erf', 2 / sqrt(pi) times the integral of exp(-t^2) from
        0 on; 'log', the natural logarithm, which is NaN for negative numbers. With derivative 0:
        'floor', 'ceil' and 'round', to even numbers from halves; 'is_positive', 'is_not_negative'
        and 'is_zero', which are 1 where that holds and 0 elsewhere.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, function: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = choice(function, f"{self}: function", *_FUNCTIONS)

    traits = Traits(reads_output=False, gradient_in_place=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write the function's values."""
        with np.errstate(all="ignore"):
            call.y[...] = _FUNCTIONS[self.function][0](x)

    def backward(self, call: Call, dy: Float) -> None:
        """Multiply by the derivative."""
        with np.errstate(all="ignore"):
            np.multiply(dy, _FUNCTIONS[self.function][1](call.xs[0]), out=call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"function": self.function}


def _erf(x: Float) -> Float:
    """Return erf(x) = 1 - 2 P(X > sqrt(2) x); by its series near 0, where that would cancel."""
    z = np.float32(-math.sqrt(2)) * np.clip(np.abs(x), np.float32(0.5), np.float32(10))
    far = 1 - 2 * gelu(z) / z  # gelu(z) is z P(X < z)
    square = np.minimum(x * x, 1)
    series = np.full_like(x, _ERF_SERIES[-1])
    for coefficient in _ERF_SERIES[-2::-1]:
        series *= square
        series += np.float32(coefficient)
    return np.where(np.abs(x) < 0.5, x * series, np.copysign(far, x))


_ERF_SERIES = [
    2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(8)
]
_FUNCTIONS: dict[str, tuple[Callable[[Float], Any], Callable[[Float], Any]]] = {
    "abs": (np.abs, np.sign),
    **{
        name: (step, np.zeros_like)
        for name, step in (
            ("floor", np.floor),
            ("ceil", np.ceil),
            ("round", np.rint),
            ("is_positive", lambda x: x > 0),
            ("is_not_negative", lambda x: x >= 0),
            ("is_zero", lambda x: x == 0),
        )
    },
    "erf": (_erf, lambda x: np.float32(2 / math.sqrt(math.pi)) * np.exp(-x * x)),
    "log": (np.log, np.reciprocal),
}
"""Functions with their derivatives."""
