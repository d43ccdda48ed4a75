"""Whole numbers, numbers in a range, and pairs of them, as users hand them in."""

import math
import operator
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

Pair: TypeAlias = tuple[int, int]
Extents: TypeAlias = tuple[int, ...]
"""(height, width) of images, (steps,) of sequences."""
OpenExtents: TypeAlias = tuple[int | None, ...]
"""The same of an input; None for a size that is left open."""

LIMIT = 2**31


def integer(value: Any, name: str, *, minimum: int = 1, limit: int = LIMIT) -> int:
    """
    Return `value` as an int if it is a whole number in [minimum, limit).

    Raises
    ------
    TypeError
        For anything but an integer; booleans and floats are none.
    ValueError
        Outside the range.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if not minimum <= number < limit:
        bound = f"at least {minimum}" if number < minimum else f"less than {limit}"
        raise ValueError(f"{name} must be {bound}, got {number}")
    return number


def odd(value: Any, name: str) -> int:
    """Return `value` as an int if it is an odd whole number from 1 on; raises as `integer` does."""
    extent = integer(value, name)
    if extent % 2 == 0:
        raise ValueError(
            f"{name} must be odd, so that the kernel has a middle, got {extent}; "
            f"use {extent - 1} or {extent + 1}"
        )
    return extent


def number(value: Any, name: str, low: float, high: float, *, include_high: bool = False) -> float:
    """Return `value` as a float in [low, high), or up to `high`; raises as `integer` does."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not (low <= result < high or (include_high and result == high)):
        bracket = "]" if include_high else ")"
        raise ValueError(f"{name} must be in [{low:g}, {high:g}{bracket}, got {result}")
    return result


def extents(value: Any, name: str, rank: int, *, minimum: int = 1) -> Extents:
    """Return a whole number, or one for each of `rank` axes, as a tuple; raises as `integer`."""
    if not isinstance(value, (tuple, list)):
        return (integer(value, name, minimum=minimum),) * rank
    if len(value) != rank:
        count = "one whole number or two" if rank == 2 else "one whole number"
        raise ValueError(f"{name} must be {count}, got {value!r}")
    return tuple(integer(extent, name, minimum=minimum) for extent in value)


def pair(value: Any, name: str, *, minimum: int = 1) -> Pair:
    """Return a whole number or two of them as (height, width); raises as `integer` does."""
    height, width = extents(value, name, 2, minimum=minimum)
    return height, width


def plane(numbers: Extents, height: int = 1) -> Pair:
    """Return the numbers of two axes; of a sequence's one axis, those of an image of `height`."""
    rows, columns = (height, *numbers)[-2:]
    return rows, columns
