"""The forms in float64 of activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cnnx import activations
from cnnx.activations.own import function_of
from cnnx.activations.rectifiers import SELU_ALPHA, SELU_SCALE
from cnnx.arrays import Double

ACTIVATIONS: dict[str, Callable[..., Double]] = {
    "linear": lambda z: z,
    "relu": lambda z, **settings: _rectified(z, **settings),
    "sigmoid": lambda z: np.exp(-np.logaddexp(0, -z)),
    "tanh": np.tanh,
    "arctan": np.arctan,
    "softmax": lambda z, axis=-1: np.exp(log_softmax(z, axis)),
    "elu": lambda z, alpha=1.0: _elu(z, alpha),
    "leaky_relu": lambda z, negative_slope=0.2: np.where(z > 0, z, negative_slope * z),
    "softplus": lambda z: np.logaddexp(0, z),
    "exponential": np.exp,
    "relu6": lambda z: np.clip(z, 0, 6),
    "selu": lambda z: SELU_SCALE * _elu(z, SELU_ALPHA),
    "celu": lambda z, alpha=1.0: alpha * _elu(z / alpha, 1),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "hard_tanh": lambda z: np.clip(z, -1, 1),
    "log_sigmoid": lambda z: -np.logaddexp(0, -z),
    "log_softmax": lambda z, axis=-1: log_softmax(z, axis),
    "silu": lambda z: z * np.exp(-np.logaddexp(0, -z)),
    "gelu": lambda z, approximate=False: z * _gate(z, approximate),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "hard_silu": lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
    "hard_shrink": lambda z, threshold=0.5: np.where(np.abs(z) > threshold, z, 0),
    "soft_shrink": lambda z, threshold=0.5: np.sign(z) * np.maximum(np.abs(z) - threshold, 0),
    "tanh_shrink": lambda z: z - np.tanh(z),
    "squareplus": lambda z, b=4.0: (z + np.sqrt(z * z + b)) / 2,
    "threshold": lambda z, threshold=0.0, default_value=0.0: np.asarray(
        np.where(z > threshold, z, default_value)
    ),
}
"""By name; each takes the function's settings."""


def activated(activation: activations.Activation, z: Double) -> Double:
    """Return an activation's values; of a function of the user's, what that returns."""
    own = function_of(activation)
    if own is not None:
        return np.asarray(own(z), np.float64)
    found: Double = ACTIVATIONS[activation.name](z, **activation.settings)
    return found


def _erfc(z: Double) -> Double:
    return np.asarray(np.frompyfunc(math.erfc, 1, 1)(z), np.float64)


def _gate(z: Double, approximate: bool) -> Double:
    """Return the probability that a standard normal number is below z, or nearly so."""
    if not approximate:
        return _erfc(-z / math.sqrt(2)) / 2
    inner = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    result: Double = (1 + np.tanh(inner)) / 2
    return result


def _rectified(
    z: Double,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Double:
    below = negative_slope * (z - threshold)
    above = z if max_value is None else np.minimum(z, max_value)
    result: Double = np.where(z > threshold, above, below)
    return result


def _elu(z: Double, alpha: float) -> Double:
    result: Double = np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
    return result


def log_softmax(z: Double, axis: int = -1) -> Double:
    """Return the logarithms of the softmax along an axis."""
    shifted = z - z.max(axis=axis, keepdims=True)
    result: Double = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return result
