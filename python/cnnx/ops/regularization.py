"""Dropout."""

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, as_float32, empty


def dropout(x: Any, rate: float, seed: int) -> Float:
    """
    Return x with elements set to 0 with probability `rate` and the others divided by 1 - rate.

    The choice depends on the seed and the element's position alone, so that the same call on a
    gradient is the backward pass.

    Parameters
    ----------
    x
        Array of any shape.
    rate
        In [0, 1).
    seed
        A whole number in [0, 2**64).
    """
    return _drop("dropout", x, rate, seed)


def gaussian_dropout(x: Any, rate: float, seed: int) -> Float:
    """
    Return x times normal numbers of mean 1 and variance rate / (1 - rate).

    They depend on the seed and the element's position alone, so that the same call on a gradient is
    the backward pass.

    Parameters
    ----------
    x
        Array of any shape.
    rate
        In [0, 1).
    seed
        A whole number in [0, 2**64).
    """
    return _drop("gaussian_dropout", x, rate, seed)


def _drop(operation: str, x: Any, rate: float, seed: int) -> Float:
    src = as_float32(x, f"{operation}: x")
    dst = empty(operation, src.shape)
    share = geometry.number(rate, f"{operation}: rate", 0, 1)
    number = geometry.integer(seed, f"{operation}: seed", minimum=0, limit=2**64)
    getattr(_core, operation)(src, dst, share, number)
    return dst
