"""Penalties and limits of norms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, f64


def penalty_gradient(src: ArrayLike, l1: float, l2: float) -> Array:
    """Of l1 sum |x| + l2 sum x^2."""
    return l1 * np.sign(f64(src)) + 2 * l2 * f64(src)


def limited_norms(
    array: ArrayLike, least: float, most: float, rate: float, epsilon: float
) -> Array:
    """Of (outer, reduced, inner): columns w times (rate clip(|w|) + (1 - rate) |w|) / (|w| + e)."""
    w = f64(array)
    norm = np.sqrt((w**2).sum(axis=1, keepdims=True))
    return w * (rate * np.clip(norm, least, most) + (1 - rate) * norm) / (norm + epsilon)
