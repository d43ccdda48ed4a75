"""Filters that are the product of a column and a row."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx.arrays import Float
from cnnx.filters.catalogue import get


def separable(filter: Any) -> tuple[Float, Float] | None:
    """
    Return the column and the row whose product a kernel is, or None if it is of no such form.

    A separable kernel of k x k costs 2 k products a pixel instead of k^2.

    Parameters
    ----------
    filter
        Name or kernel.
    """
    kernel = get(filter)
    taps = np.argwhere(kernel)
    if not len(taps):
        return kernel[:, 0], kernel[0]
    i, j = min(reversed(taps.tolist()), key=lambda tap: abs(kernel[tap[0], tap[1]]))
    column, row = kernel[:, j].copy(), kernel[i] / kernel[i, j]
    is_product = np.allclose(np.multiply.outer(column, row), kernel, rtol=1e-5, atol=0)
    return (column, row) if is_product else None
