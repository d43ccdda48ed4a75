"""Derivatives of functions of a batch by central differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP = 6e-6
"""The third root of float64's precision, where central differences are the most exact."""


def central_differences(function: Callable[[Any], Any], x: Any) -> NDArray[np.float64]:
    """
    Return the derivative of a function of a batch: of one number a sample, or of one number.

    Parameters
    ----------
    function
        Returns an array (samples,), each number of which depends on its sample alone, or a number.
    x
        The batch (samples, ...).
    """
    place = np.array(x, np.float64)
    result = np.empty_like(place)
    alone = np.asarray(function(place)).ndim == 0
    whole = (1, place.size) if alone else (len(place), -1)
    columns, derivatives = place.reshape(whole), result.reshape(whole)
    for column in range(columns.shape[1]):
        before = columns[:, column].copy()
        step = _STEP * np.maximum(1.0, np.abs(before))
        columns[:, column] = before + step
        above = function(place)
        columns[:, column] = before - step
        derivatives[:, column] = (above - function(place)) / (2 * step)
        columns[:, column] = before
    return result
