"""Entropy and cross-entropy of probability distributions."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx.arrays import real_array
from cnnx.geometry import number


def entropy(p: Any, base: float = math.e) -> NDArray[np.float64]:
    """
    Return the entropy -sum p log p of probability distributions.

    Parameters
    ----------
    p
        Distributions (..., outcomes): numbers >= 0 whose sum over the last axis is 1.
    base
        Of the logarithm, > 1: by default the result is in nats, with 2 in bits.

    Returns
    -------
    Array (...) in float64. Outcomes of probability 0 add nothing.

    Raises
    ------
    ValueError
        If `p` holds no distributions.
    """
    distributions = _distributions(p, "entropy: p")
    return _cross_entropy(distributions, distributions, base, "entropy")


def cross_entropy(p: Any, q: Any, base: float = math.e) -> NDArray[np.float64]:
    """
    Return the cross-entropy -sum p log q of a distribution q relative to the true one p.

    Parameters
    ----------
    p, q
        Distributions (..., outcomes): numbers >= 0 whose sum over the last axis is 1.
    base
        Of the logarithm, > 1: by default the result is in nats, with 2 in bits.

    Returns
    -------
    Array (...) in float64; infinite where q rules out what p holds possible.

    Raises
    ------
    ValueError
        If `p` or `q` holds no distributions, or their shapes differ.
    """
    true, other = _distributions(p, "cross_entropy: p"), _distributions(q, "cross_entropy: q")
    if true.shape != other.shape:
        raise ValueError(
            f"cross_entropy: p and q must have one shape, got {true.shape} and {other.shape}"
        )
    return _cross_entropy(true, other, base, "cross_entropy")


def _cross_entropy(
    p: NDArray[np.float64], q: NDArray[np.float64], base: float, operation: str
) -> NDArray[np.float64]:
    unit = math.log(number(base, f"{operation}: base", math.nextafter(1, 2), math.inf))
    with np.errstate(divide="ignore"):
        logarithms = np.log(np.where(p > 0, q, 1.0))
    return np.asarray(-(p * logarithms).sum(axis=-1) / unit)


_TOTAL_ERROR = 1e-3
"""How far from 1 the sum of probabilities that were rounded for print may be."""


def _distributions(value: Any, name: str) -> NDArray[np.float64]:
    p = real_array(value, name).astype(np.float64)
    if p.ndim == 0 or p.shape[-1] == 0:
        raise ValueError(f"{name} must be (..., outcomes), got shape {p.shape}")
    negative = ~(p >= 0)
    if negative.any():
        raise ValueError(f"{name} must hold probabilities >= 0, got {p[negative][0]}")
    totals = p.sum(axis=-1)
    wrong = ~(np.abs(totals - 1) <= _TOTAL_ERROR)
    if wrong.any():
        raise ValueError(
            f"{name} must sum to 1 over the last axis, got {totals[wrong][0]:g}; "
            "divide by the sum, or use cnnx.activations.softmax"
        )
    return p
