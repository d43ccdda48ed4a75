"""Weights of ours that a Keras file holds as numbers of its description, or as statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Float

_LEAST = 1e-7
"""Least deviation that Keras divides by."""
_MOST = 65_536
"""Channels that may share one number."""


class Fixed:
    """
    The factor and the summand of each channel of a layer that learns nothing.

    Parameters
    ----------
    gamma, beta
        Lists of numbers; None if they are made of a mean and a variance in the file.
    """

    def __init__(self, gamma: Any = None, beta: Any = None) -> None:
        self.known = gamma is not None
        self._values: dict[str, Any] = {}
        if self.known:
            rows = np.broadcast_arrays(_row(gamma), _row(beta))
            self._values = dict(zip(("gamma", "beta"), rows, strict=True))

    @classmethod
    def of_statistics(cls, mean: Any, variance: Any) -> Fixed:
        """Return what gives each channel mean 0 and variance 1."""
        gamma = 1 / np.maximum(np.sqrt(_row(variance)), _LEAST)
        return cls(gamma, -_row(mean) * gamma)

    def saved(self, path: str, shape: tuple[int, ...]) -> Float:
        """Return the values of a weight; raises ValueError if there are not so many."""
        row = self._values[path.rpartition("/")[2]]
        size = max(shape, default=1)
        if len(row) != size and not (len(row) == 1 and size <= _MOST):
            raise ValueError(f"{path}: {len(row)} numbers are given for {size} channels")
        return np.broadcast_to(row, (size,)).reshape(shape).astype(np.float32)

    def made(self, statistics: Sequence[Float]) -> dict[str, Float]:
        """Return the weights made of a mean and a variance, by name."""
        found = Fixed.of_statistics(*statistics)._values
        return {name: row.astype(np.float32) for name, row in found.items()}


def _row(value: Any) -> Any:
    """Return a number, or numbers in lists, as one row; raises ValueError for anything else."""
    try:
        row = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError):
        row = np.empty(0)
    if not row.size:
        raise ValueError(f"{str(value)[:100]} are no numbers, one for each channel")
    return row
