"""Activations made of a function of the user's."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from cnnx.activations.activation import Activation
from cnnx.arrays import Float

_STEP = 6e-6
"""The third root of float64's precision, where central differences are the most exact."""


def of_function(function: Callable[[Any], Any], owner: str) -> Activation:
    """
    Return the activation of a function f(x) of arrays, element by element.

    Its derivative is the function's attribute `gradient`, g(x); without it, central differences in
    float64. It is tried on a few numbers first.

    Raises
    ------
    ValueError
        If it does not compute element by element, or not in float64; `owner` begins the message.
    """
    name = getattr(function, "__name__", type(function).__name__)
    probe = np.array([-2.5, -0.5, 0.0, 0.75, 3.0])
    with np.errstate(all="ignore"):
        found = np.asarray(function(probe))
        alone = [np.asarray(function(probe[i : i + 1])) for i in range(len(probe))]
    if found.shape != probe.shape or any(one.shape != (1,) for one in alone):
        raise ValueError(
            f"{owner}: the function {name} must return an array of its argument's shape, got "
            f"{found.shape} for {probe.shape}"
        )
    if not np.allclose(found, np.concatenate(alone), rtol=1e-6, atol=1e-9, equal_nan=True):
        raise ValueError(
            f"{owner}: the function {name} does not compute each element by itself; make a "
            "cnnx.activations.Activation with forward and backward"
        )
    gradient = getattr(function, "gradient", None)
    if gradient is None and found.dtype != np.float64:
        raise ValueError(
            f"{owner}: the function {name} returns {found.dtype} for float64, too coarse for "
            "central differences; give it an attribute `gradient`, or take a function of ours with "
            "arguments as activations.relu.configured(max_value=6)"
        )
    return Activation(
        name,
        partial(_forward, function),
        partial(_backward, function, gradient),
        of_input=True,
    )


def function_of(activation: Activation) -> Callable[[Any], Any] | None:
    """Return the user's function that an activation was made of; None for any other."""
    forward = activation.forward
    if isinstance(forward, partial) and forward.func is _forward:
        found: Callable[[Any], Any] = forward.args[0]
        return found
    return None


def _forward(function: Callable[[Any], Any], src: Float, dst: Float) -> None:
    dst[...] = function(src)


def _backward(
    function: Callable[[Any], Any], gradient: Any, src: Float, diff_dst: Float, diff_src: Float
) -> None:
    if gradient is None:
        x = src.astype(np.float64)
        step = _STEP * np.maximum(1.0, np.abs(x))
        slope = (np.asarray(function(x + step)) - function(x - step)) / (2 * step)
    else:
        slope = np.asarray(gradient(src))
    np.multiply(diff_dst, slope, out=diff_src, casting="same_kind")
