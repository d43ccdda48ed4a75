"""Functions x g(x) with a gate g from 0 to 1: they fall before they rise, so that x is needed."""

import math
from collections.abc import Callable

import numpy as np

from cnnx import _core
from cnnx.activations.activation import Activation, of_core
from cnnx.arrays import Float


def _gated(
    name: str, gate: Callable[[Float], Float], slope: Callable[[Float, Float], Float]
) -> Activation:
    """
    Return the function x g(x), whose derivative is g(x) + x g'(x).

    Parameters
    ----------
    name
        Of the function.
    gate
        Returns g(x).
    slope
        Returns g'(x) for x and g(x).
    """

    def forward(src: Float, dst: Float) -> None:
        np.multiply(src, gate(src), out=dst)

    def backward(src: Float, diff_dst: Float, diff_src: Float) -> None:
        opened = gate(src)
        np.multiply(diff_dst, opened + src * slope(src, opened), out=diff_src)

    return Activation(name, forward, backward, of_input=True)


def _sigmoid(x: Float) -> Float:
    gate = np.empty_like(x)
    _core.sigmoid_forward(x, gate)
    return gate


def _tanh_of_softplus(x: Float) -> Float:
    gate = np.empty_like(x)
    _core.softplus_forward(x, gate)
    _core.tanh_forward(gate, gate)
    return gate


_TAIL = (
    0.19179307,
    -0.981641125,
    1.96064132,
    -1.76482423,
    0.551120001,
    -0.185107215,
    0.373005092,
    0.996978762,
    -1.83511277,
)
"""log P(-x) + x^2 / 2 - log t as a polynomial in t = 1 / (1 + 0.4 x), off by 1e-7 at most."""

_FAR = 15.0  # where the density and the tail are 0 in float32


def normal_probability(x: Float) -> Float:
    """
    Return the probability P(x) that a standard normal number is less than x.

    The form of the fit is that of Press et al., "Numerical Recipes", section 6.2: it keeps the
    relative error of the tail small.
    """
    distance = np.minimum(np.abs(x), np.float32(_FAR))
    t = 1 / (1 + np.float32(0.4) * distance)
    power = np.full_like(t, _TAIL[0])
    for coefficient in _TAIL[1:]:
        power *= t
        power += np.float32(coefficient)
    power -= np.float32(0.5) * distance * distance
    tail = t * np.exp(power, out=power)
    return np.where(x > 0, 1 - tail, tail)


def _normal_density(x: Float, _: Float) -> Float:
    distance = np.minimum(np.abs(x), np.float32(_FAR))
    density = np.float32(-0.5) * distance * distance
    np.exp(density, out=density)
    density *= np.float32(1 / math.sqrt(2 * math.pi))
    return density


silu = of_core("silu", of_input=True)
gelu = _gated("gelu", normal_probability, _normal_density)
mish = _gated("mish", _tanh_of_softplus, lambda x, gate: (1 - gate * gate) * _sigmoid(x))
hard_silu = of_core("hard_silu", of_input=True)
