"""Arrays of the oracle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Pair = tuple[int, int]


def f64(values: ArrayLike) -> Array:
    return np.asarray(values, np.float64)
