"""Checks of the arguments that say how much a picture may change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float

Factor = float | Sequence[float]
"""One number, or the range (low, high) that it is drawn from."""
Ends = tuple[float, float]


def ends(given: Any, name: str, low: float, high: float) -> Ends:
    """Return two numbers from `low` to `high`."""
    if not isinstance(given, (tuple, list)):
        raise TypeError(f"{name} must be (low, high), got {given!r}")
    if len(given) != 2:
        raise ValueError(f"{name} must hold two numbers, got {given!r}")
    first, second = (geometry.number(end, name, low, high, include_high=True) for end in given)
    return first, second


def rising(given: Any, name: str, low: float = -np.inf, high: float = np.inf) -> Ends:
    """Return (low, high), two numbers of which the first is not above the second."""
    found = ends(given, name, low, high)
    if found[0] > found[1]:
        raise ValueError(f"{name} must be (low, high), got {given!r}")
    return found


def symmetric(factor: Any, name: str, low: float = -1, high: float = 1) -> Ends:
    """Return the range (-f, f) of a share f, or the range itself."""
    if isinstance(factor, (tuple, list)):
        return rising(factor, name, low, high)
    share = geometry.number(factor, name, 0, high, include_high=True)
    return -share, share


def positive(factor: Any, name: str, high: float = 1) -> Ends:
    """Return the range (0, f) of a share f, or the range itself."""
    if isinstance(factor, (tuple, list)):
        return rising(factor, name, 0, high)
    return 0.0, geometry.number(factor, name, 0, high, include_high=True)


def range_of(given: Any, name: str) -> Ends:
    """Return (low, high) of pixels."""
    found = rising(given, name, -1e9, 1e9)
    if found[0] == found[1]:
        raise ValueError(f"{name} must be (low, high), got {given!r}")
    return found


def between(low_and_high: Ends, uniform: Float) -> Float:
    """Return numbers of a range for numbers from 0 to 1."""
    low, high = low_and_high
    return np.asarray(low + (high - low) * uniform, np.float32)
