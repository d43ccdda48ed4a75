"""Functions of a whole axis, and the gated linear unit."""

from functools import partial
from typing import Any

import numpy as np

from cnnx import _core
from cnnx.activations.activation import Activation, Family
from cnnx.activations.bounded import sigmoid
from cnnx.arrays import Float, as_float32
from cnnx.geometry import integer


def _make_softmax(axis: int = -1) -> Activation | None:
    return _along("softmax", axis)


def _make_log_softmax(axis: int = -1) -> Activation | None:
    return _along("log_softmax", axis)


def _along(name: str, axis: int) -> Activation | None:
    place = integer(axis, f"{name}: axis", minimum=-64)
    if place == -1:
        return None
    return Activation(
        name,
        partial(getattr(_core, f"{name}_forward"), axis=place),
        partial(getattr(_core, f"{name}_backward"), axis=place),
        elementwise=False,
        settings={"axis": place},
    )


softmax = Family(
    "softmax",
    _core.softmax_forward,
    _core.softmax_backward,
    elementwise=False,
    make=_make_softmax,
)
log_softmax = Family(
    "log_softmax",
    _core.log_softmax_forward,
    _core.log_softmax_backward,
    elementwise=False,
    make=_make_log_softmax,
)


def glu(x: Any, axis: int = -1) -> Float:
    """
    Return a sigmoid(b) of the two halves a and b of an array (Dauphin et al. 2017).

    Parameters
    ----------
    x
        Array whose axis has an even length.
    axis
        The axis to halve.

    Raises
    ------
    ValueError
        If there is no such axis, or its length is odd.
    """
    src = as_float32(x, "glu: x")
    place = integer(axis, "glu: axis", minimum=-64)
    if not -src.ndim <= place < src.ndim:
        raise ValueError(f"glu: axis={place} is none of x, whose shape is {src.shape}")
    if src.shape[place] % 2:
        raise ValueError(f"glu: axis {place} of x must have an even length, got {src.shape}")
    a, b = np.split(src, 2, axis=place)
    return a * sigmoid(b)
