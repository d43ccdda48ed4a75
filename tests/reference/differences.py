"""Derivatives by definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, f64


def central_differences(
    f: Callable[[Array], Array | float], x: ArrayLike, epsilon: float = 1e-6
) -> Array:
    """d sum(f(x)) / dx, element by element: (f(x + e) - f(x - e)) / 2e."""
    x = f64(x).copy()
    gradient = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        value = x[i]
        x[i] = value + epsilon
        above = np.sum(f(x))
        x[i] = value - epsilon
        gradient[i] = (above - np.sum(f(x))) / (2 * epsilon)
        x[i] = value
    return gradient
