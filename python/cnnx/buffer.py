"""Memory that is allocated once for the largest batch and reused for every later one."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cnnx import _core
from cnnx.arrays import no_memory


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array of undefined content, at the start of a cache line or of a huge page.

    NumPy starts large arrays 16 bytes after a cache line, so that half of all vectors would lie in
    two.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    try:
        memory = _core.empty(size)
    except MemoryError:
        raise no_memory(shape, dtype) from None
    return memory.view(dtype).reshape(shape)


class Buffer:
    """
    An array of samples, handed out as its leading rows.

    Parameters
    ----------
    sample_shape
        Shape of one sample.
    dtype
        float32 by default.
    """

    __slots__ = ("_array", "_rows", "dtype", "sample_shape")

    def __init__(self, sample_shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> None:
        self.sample_shape = sample_shape
        self.dtype = np.dtype(dtype)
        self._array: NDArray[Any] = np.empty((0, *sample_shape), self.dtype)
        self._rows = self._array

    def rows(self, count: int) -> NDArray[Any]:
        """Return `count` contiguous rows of undefined content; grows only for a new maximum."""
        rows = self._rows
        if len(rows) == count:
            return rows
        if len(self._array) < count:
            self._array = aligned_empty((count, *self.sample_shape), self.dtype)
        self._rows = self._array[:count]
        return self._rows

    def like(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return rows of the shape of `array`; allocates again for samples of another shape."""
        if array.shape[1:] != self.sample_shape:
            self._rows = self._array = aligned_empty(array.shape, self.dtype)
            self.sample_shape = array.shape[1:]  # only if there was memory for it
        return self.rows(len(array))
