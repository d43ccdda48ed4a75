"""Cutting data sets into batches, or taking them as they come."""

from collections.abc import Callable, Iterator
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

    def get_state(self) -> dict[str, Any]:
        """Return nothing: the order comes from the global generator."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Change nothing."""

    def __iter__(self) -> Iterator[list[Any]]:
        order = random.generator().permutation(self.samples) if self._shuffle else None
        for start in range(0, self.samples, self._batch_size):
            stop = min(start + self._batch_size, self.samples)
            if order is None:
                yield [source.slice(start, stop) for source in self._sources]
            else:
                yield [source.gather(order[start:stop]) for source in self._sources]


def is_stream(x: Any) -> bool:
    """
    Return whether `x` is a stream of batches rather than an array of samples.

    A stream can be iterated, again for each epoch, and has a length, but no `x[i]`: a
    `cnnx.data.ImageStream`, a PyTorch DataLoader, or any class with `__iter__` and `__len__`.
    """
    return (
        hasattr(x, "__iter__")
        and hasattr(x, "__len__")
        and not hasattr(x, "__getitem__")
        and not hasattr(x, "__array__")
    )


class Stream:
    """
    Batches that somebody else cuts, with the interface of `Batches`.

    Parameters
    ----------
    batches
        A stream, see `is_stream`; its attribute `samples`, if it has one, is their number.
    check
        Turns one batch into what `Batches` would yield, or raises an error.
    owner
        What errors begin with.
    """

    def __init__(self, batches: Any, check: Callable[[Any], list[Any]], owner: str) -> None:
        self._batches = batches
        self._check = check
        self._owner = owner

    @property
    def samples(self) -> int | None:
        """Number of samples, if the stream tells it."""
        samples = getattr(self._batches, "samples", None)
        return samples if isinstance(samples, int) else None

    def __len__(self) -> int:
        return len(self._batches)

    def get_state(self) -> Any:
        """Return what the stream's own `get_state`, if it has one, returns."""
        return self._batches.get_state() if hasattr(self._batches, "get_state") else None

    def set_state(self, state: Any) -> None:
        """Hand `state` to the stream's own `set_state`, if it has one."""
        if hasattr(self._batches, "set_state"):
            self._batches.set_state(state)

    def __iter__(self) -> Iterator[list[Any]]:
        empty = True
        for batch in self._batches:
            empty = False
            yield self._check(batch)
        if empty:
            raise ValueError(
                f"{self._owner}: x gave no batches; its __iter__ must start again for each epoch"
            )
