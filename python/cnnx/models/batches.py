"""Cutting data sets into batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnx import random
from cnnx.arrays import Array, is_contiguous
from cnnx.buffer import Buffer


class Source:
    """
    One array, handed out batch by batch in the dtype that the network reads.

    Parameters
    ----------
    array
        Of any real dtype and layout; never written to.
    dtype
        Of the batches.
    """

    def __init__(self, array: Array, dtype: np.dtype[Any]) -> None:
        self._array = array
        self._dtype = dtype
        self._direct = is_contiguous(array, dtype)
        self._converted = Buffer(array.shape[1:], dtype)
        self._gathered = Buffer(array.shape[1:], array.dtype)

    def slice(self, start: int, stop: int) -> Array:
        """Return the samples from `start` to `stop`."""
        samples = self._array[start:stop]
        return samples if self._direct else self._convert(samples)

    def gather(self, indices: Array) -> Array:
        """Return the samples at `indices`."""
        if not self._array.flags.c_contiguous:
            # np.take would copy the whole array at every call.
            self._array = np.ascontiguousarray(self._array)
        samples = self._gathered.rows(len(indices))
        np.take(self._array, indices, axis=0, out=samples, mode="clip")
        return samples if samples.dtype == self._dtype else self._convert(samples)

    def _convert(self, samples: Array) -> Array:
        converted = self._converted.rows(len(samples))
        np.copyto(converted, samples, casting="same_kind")
        return converted


class Batches:
    """
    Batches of several arrays side by side; iterating again starts the next epoch.

    Parameters
    ----------
    sources
        Arrays of one length with the dtype of their batches.
    batch_size
        Samples a batch; the last may hold fewer.
    shuffle
        Whether each epoch takes the samples in a new random order.
    """

    def __init__(
        self, *sources: tuple[Array, np.dtype[Any]], batch_size: int, shuffle: bool = False
    ) -> None:
        self.samples = len(sources[0][0])
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._sources = [Source(array, dtype) for array, dtype in sources]

    def __len__(self) -> int:
        return -(-self.samples // self._batch_size)

    def __iter__(self) -> Iterator[list[Any]]:
        order = random.generator().permutation(self.samples) if self._shuffle else None
        for start in range(0, self.samples, self._batch_size):
            stop = min(start + self._batch_size, self.samples)
            if order is None:
                yield [source.slice(start, stop) for source in self._sources]
            else:
                yield [source.gather(order[start:stop]) for source in self._sources]
