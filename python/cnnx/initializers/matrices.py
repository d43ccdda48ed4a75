"""Matrices with orthonormal columns, and those of ones on the diagonal."""

import math
from typing import Any

import numpy as np

from cnnx import random
from cnnx.arrays import Float
from cnnx.geometry import number
from cnnx.initializers.initializer import INFINITY, Initializer


class Orthogonal(Initializer):
    """
    A matrix with orthonormal columns, or rows if it has fewer rows than columns (Saxe et al. 2014).

    Its rows are all axes of the weight but the last: in a convolution each filter is a column. It
    is the factor Q of a matrix of normal numbers, times the signs of the diagonal of R.

    Parameters
    ----------
    gain
        Factor of the values.
    seed
        As for `Initializer`.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = number(gain, "Orthogonal: gain", -INFINITY, INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`; raises ValueError for fewer than two axes."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: a weight needs two axes or more, got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = max(rows, columns), min(rows, columns)
        q, r = np.linalg.qr(random.generator(self.seed).normal(size=tall))
        q *= np.where(np.diagonal(r) < 0, -self.gain, self.gain)
        matrix = q.T if rows < columns else q
        return np.ascontiguousarray(matrix, np.float32).reshape(shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"gain": self.gain, "seed": self.seed}


class Identity(Initializer):
    """
    Ones on the diagonal of a matrix, and zeros beside it.

    Parameters
    ----------
    gain
        Factor of the ones.
    """

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = number(gain, "Identity: gain", -INFINITY, INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`; raises ValueError unless it has two axes."""
        if len(shape) != 2:
            raise ValueError(f"Identity: a weight needs two axes, got shape {shape}")
        return self.gain * np.eye(*shape, dtype=np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"gain": self.gain}
