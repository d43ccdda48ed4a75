"""Bounds of gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import Float
from cnnx.geometry import number

_LEAST = 1e-30


class Clipping:
    """
    Makes gradients smaller that are too large (Pascanu et al. 2013).

    At most one of the three is given.

    Parameters
    ----------
    owner
        What errors begin with.
    clipnorm
        Largest Euclidean norm of the gradient of each weight: a longer one is shortened to it.
    clipvalue
        Largest magnitude of each element: larger ones become it.
    global_clipnorm
        Largest norm of all gradients together: if they are longer, all are multiplied by one
        number.

    Raises
    ------
    ValueError
        For two of them, or one that is not > 0.
    """

    def __init__(self, owner: str, **limits: float | None) -> None:
        given = {name: value for name, value in limits.items() if value is not None}
        if len(given) > 1:
            raise ValueError(
                f"{owner}: give one of {', '.join(limits)}, got "
                + ", ".join(f"{name}={value!r}" for name, value in given.items())
            )
        self._name, self._limit = "", math.inf
        for name, value in given.items():
            self._name = name
            self._limit = number(value, f"{owner}: {name}", _LEAST, math.inf)

    def config(self) -> dict[str, Any]:
        """Return the argument that was given."""
        return {self._name: self._limit} if self._name else {}

    def clip(self, gradients: Sequence[Float]) -> None:
        """Change the gradients of weights, each flat, in place."""
        if self._name == "clipvalue":
            for gradient in gradients:
                np.clip(gradient, -self._limit, self._limit, out=gradient)
        elif self._name == "clipnorm":
            for gradient in gradients:
                self._shorten([gradient])
        elif self._name == "global_clipnorm":
            self._shorten(gradients)

    def _shorten(self, gradients: Sequence[Float]) -> None:
        norm = math.sqrt(sum(_core.sum_of_squares(gradient) for gradient in gradients))
        if norm > self._limit:
            for gradient in gradients:
                _core.weighted_sum([gradient], [self._limit / norm], gradient)
