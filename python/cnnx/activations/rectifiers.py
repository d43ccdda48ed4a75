"""Functions that are linear above 0 and something else below."""

from functools import partial

import numpy as np

from cnnx import _core
from cnnx.activations.activation import Activation, of_core
from cnnx.arrays import Float

relu = of_core("relu")
elu = of_core("elu")
leaky_relu = of_core("leaky_relu")
relu6 = of_core("relu6")
LEAKY_SLOPE = 0.2
"""Slope of the core's leaky ReLU below 0."""

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Fixed point of mean 0 and variance 1 (Klambauer et al. 2017, equation 14)."""


def rectifier(
    max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0
) -> Activation:
    """
    Return the function x above `threshold`, at most `max_value`, and a line below.

    The line is negative_slope (x - threshold). Where two pieces meet the derivative is 0.

    Parameters
    ----------
    max_value
        None is no limit.
    negative_slope, threshold
        At least 0. The value then tells on which side of the threshold its argument lay.
    """
    if max_value is None and not threshold and negative_slope in (0.0, LEAKY_SLOPE):
        return leaky_relu if negative_slope else relu
    if (max_value, negative_slope, threshold) == (6, 0, 0):
        return relu6
    highest = np.inf if max_value is None else max_value
    return Activation(
        "relu",
        partial(_rectify, highest, negative_slope, threshold),
        partial(_rectify_backward, highest, negative_slope),
        increasing=True,
    )


def _rectify(highest: float, slope: float, threshold: float, src: Float, dst: Float) -> None:
    below = np.float32(slope) * (src - np.float32(threshold)) if slope else np.float32(0)
    above = np.minimum(src, np.float32(highest))
    np.copyto(dst, np.where(src <= threshold, below, above))


def _rectify_backward(
    highest: float, slope: float, dst: Float, diff_dst: Float, diff_src: Float
) -> None:
    rises = (dst > 0) & (dst < np.float32(highest))
    np.multiply(diff_dst, rises + np.float32(slope) * (dst < 0), out=diff_src)


def leaky(negative_slope: float) -> Activation:
    """Return the function x above 0 and negative_slope x below, with that slope at 0."""
    if negative_slope in (0.0, LEAKY_SLOPE):
        return leaky_relu if negative_slope else relu
    return Activation(
        "leaky_relu",
        partial(_leak, negative_slope),
        partial(_leak_backward, negative_slope),
        increasing=True,
    )


def _leak(slope: float, src: Float, dst: Float) -> None:
    np.multiply(src, _slopes(src, 1, slope), out=dst)


def _leak_backward(slope: float, dst: Float, diff_dst: Float, diff_src: Float) -> None:
    np.multiply(diff_dst, _slopes(dst, 1, slope), out=diff_src)


def _slopes(values: Float, above: float, below: float) -> Float:
    """Return one number where a value is above 0, and another where it is not."""
    return np.where(values > 0, np.float32(above), np.float32(below))


def exponential_linear(alpha: float) -> Activation:
    """Return the function x above 0 and alpha (e^x - 1) below, with alpha >= 0."""
    return elu if alpha == 1 else _scaled_elu("elu", alpha, 1.0)


def _scaled_elu(name: str, alpha: float, scale: float) -> Activation:
    return Activation(
        name,
        partial(_elu, scale, scale * alpha),
        partial(_elu_backward, scale, scale * alpha),
        increasing=True,
    )


def _elu(scale: float, depth: float, src: Float, dst: Float) -> None:
    _core.elu_forward(src, dst)
    np.multiply(dst, _slopes(dst, scale, depth), out=dst)


def _elu_backward(scale: float, depth: float, dst: Float, diff_dst: Float, diff_src: Float) -> None:
    slopes = np.where(dst > 0, np.float32(scale), dst + np.float32(depth))
    np.multiply(diff_dst, slopes, out=diff_src)


selu = _scaled_elu("selu", SELU_ALPHA, SELU_SCALE)
