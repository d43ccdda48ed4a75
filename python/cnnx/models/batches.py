"""Cutting data sets into batches, or taking them as they come."""

import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cnnx import distributed, random
from cnnx.arrays import Array, is_contiguous
from cnnx.buffer import Buffer
from cnnx.streams import begun
from cnnx.warning import warn


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
        samples = self._gathered.rows(len(indices))
        if self._array.flags.c_contiguous:
            np.take(self._array, indices, axis=0, out=samples, mode="clip")
        else:  # np.take would copy the whole array
            samples[...] = self._array[indices]
        return samples if samples.dtype == self._dtype else self._convert(samples)

    def description(self) -> str:
        """Return shape, dtype, and a checksum of up to 64 samples here and there."""
        count = len(self._array)
        some = self._array[:: max(count // 63, 1)]
        checksum = zlib.crc32(np.ascontiguousarray(some).view(np.uint8).data)
        return f"an array {self._array.shape} {self._array.dtype}, checksum {checksum:08x}"

    def _convert(self, samples: Array) -> Array:
        converted = self._converted.rows(len(samples))
        np.copyto(converted, samples, casting="same_kind")
        return converted


class Batches:
    """
    Batches of several arrays side by side; iterating again starts the next epoch.

    Of each batch of a group of processes, this rank's part is yielded, which may be empty.

    Parameters
    ----------
    sources
        Arrays of one length with the dtype of their batches.
    batch_size
        Samples a batch and rank; the last may hold fewer.
    shuffle
        Whether each epoch takes the samples in a new random order.

    Attributes
    ----------
    samples
        Of all ranks.
    joint
        Samples of the batch last yielded, of all ranks.
    """

    def __init__(
        self, *sources: tuple[Array, np.dtype[Any]], batch_size: int, shuffle: bool = False
    ) -> None:
        self.samples = len(sources[0][0])
        self.joint = 0
        self._group = distributed.group()
        self._batch_size = batch_size * self._group.size
        self._shuffle = shuffle
        self._sources = [Source(array, dtype) for array, dtype in sources]

    @property
    def most(self) -> int:
        """Most samples of a batch, of all ranks."""
        return self._batch_size

    @property
    def steps(self) -> int:
        """Number of batches of an epoch."""
        return -(-self.samples // self._batch_size)

    def empty(self) -> list[Any]:
        """Return a batch without samples."""
        return [source.slice(0, 0) for source in self._sources]

    def in_order(self, parts: list[Array]) -> list[Array]:
        """Return what was made of each batch, with the other ranks' parts, in the data's order."""
        steps = zip(*self._group.gather(parts), strict=True)
        return [part for step in steps for part in step]

    def description(self) -> list[str]:
        """Return the arrays in short, line by line: all ranks of a group have the same."""
        return [
            f"batches of {self._batch_size // self._group.size}, shuffled: {self._shuffle}",
            *(source.description() for source in self._sources),
        ]

    def get_state(self) -> dict[str, Any]:
        """Return nothing: the order comes from the global generator."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Change nothing."""

    def __iter__(self) -> Iterator[list[Any]]:
        return self.run(self.order(random.generator()))

    def order(self, chance: np.random.Generator) -> Array | None:
        """Return a new order of the samples; None for their own."""
        return chance.permutation(self.samples) if self._shuffle else None

    def run(self, order: Array | None, first: int = 0) -> Iterator[list[Any]]:
        """Yield the batches of samples in an order, from that with number `first` on."""
        for start in range(first * self._batch_size, self.samples, self._batch_size):
            stop = min(start + self._batch_size, self.samples)
            self.joint = stop - start
            if self._group.size > 1:
                part = self._group.part(self.joint)
                start, stop = start + part.start, start + part.stop
            if order is None:
                yield [source.slice(start, stop) for source in self._sources]
            else:
                yield [source.gather(order[start:stop]) for source in self._sources]


def first_steps(
    arrays: Sequence[Array], batch_size: int, steps: int | None, owner: str
) -> list[Array]:
    """Return the samples of the first `steps` batches; all of them, with a warning, of fewer."""
    if steps is None:
        return list(arrays)
    size = batch_size * distributed.group().size
    there = -(-len(arrays[0]) // size)
    if steps > there:
        warn(f"{owner}: x ended after {there} of {steps} batches", RuntimeWarning)
    return [array[: steps * size] for array in arrays]


_MANY = 50_000
"""Batches of a generator after which it may be one that never ends."""


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
    steps
        Batches an epoch; by default as many as the stream's length says, or as there are. Given,
        an epoch goes on where the one before ended, and a stream that ends begins again.
    group
        Whose ranks go through an epoch together, each with a stream of its own; by default the
        present one.

    Attributes
    ----------
    joint
        Samples of the batch last yielded, of all ranks.
    """

    def __init__(
        self,
        batches: Any,
        check: Callable[[Any], list[Any]],
        owner: str,
        steps: int | None = None,
        group: distributed.Group | None = None,
    ) -> None:
        self._batches = batches
        self._check = check
        self._owner = owner
        self._given = steps
        self._group = group or distributed.group()
        self.joint = 0
        self._is_iterator = isinstance(batches, Iterator)
        self._going_on: Iterator[Any] | None = batches if self._is_iterator else None

    @property
    def most(self) -> int:
        """Most samples of a batch, of all ranks: 0, because it is unknown."""
        return 0

    @property
    def shared(self) -> bool:
        """Whether the stream gives each rank its part of the batches of all."""
        return self._group.size > 1 and getattr(self._batches, "shared", False) is True

    def empty(self) -> list[Any]:
        """Return nothing: the samples' sizes are unknown."""
        return []

    @staticmethod
    def _is_empty(batch: Any) -> bool:
        return not len(batch[0] if isinstance(batch, tuple) else batch)

    @property
    def samples(self) -> int | None:
        """Number of samples of an epoch, if the stream tells it."""
        samples = getattr(self._batches, "samples", None)
        return samples if isinstance(samples, int) and self._given is None else None

    @property
    def steps(self) -> int | None:
        """Number of batches of an epoch, if it is known."""
        if self._given is None and hasattr(self._batches, "__len__"):
            return len(self._batches)
        return self._given

    def in_order(self, parts: list[Array]) -> list[Array]:
        """Return what was made of each batch, with the other ranks' parts, in the data's order."""
        steps = zip(*self._group.gather(parts), strict=True)
        return [part for step in steps for part in step]

    def description(self) -> list[str]:
        """Return what all ranks of a group have in common: streams of one's own may differ."""
        stream = self._batches.description() if self.shared else type(self._batches).__name__
        return [f"a stream of {stream}", f"steps of an epoch: {self._given}"]

    def get_state(self) -> Any:
        """Return what the stream's own `get_state`, if it has one, returns."""
        return self._batches.get_state() if hasattr(self._batches, "get_state") else None

    def set_state(self, state: Any) -> None:
        """Hand `state` to the stream's own `set_state`, if it has one."""
        if hasattr(self._batches, "set_state"):
            self._batches.set_state(state)

    def first(self) -> Any:
        """Return the first batch, which the next epoch yields again."""
        batches = begun(self._batches) if self._going_on is None else self._going_on
        for batch in batches:
            if self._is_iterator:
                self._going_on = itertools.chain([batch], batches)
            return batch
        raise self._nothing()

    def __iter__(self) -> Iterator[list[Any]]:
        return self._alone() if self._group.size == 1 else self._together()

    def _together(self) -> Iterator[list[Any]]:
        """Yield batches until those of all ranks have ended; a rank at its end yields no more."""
        self._leave_out_together()  # the pass before may have ended half way
        own = self._alone()
        while True:
            batch = next(own, None)
            goes_on, rows = batch is not None, len(batch[0]) if batch else 0
            going_on, self.joint = self._group.sum(np.array([goes_on, rows], np.int64)).tolist()
            if not going_on:
                break
            if self.joint:
                yield batch or []
        self._leave_out_together()

    def _leave_out_together(self) -> None:
        """Let all ranks leave out what one of them could not read: they must count alike."""
        if self.shared:
            for left_out in self._group.gather(self._batches.left_out):
                self._batches.leave_out(left_out)

    def _alone(self) -> Iterator[list[Any]]:
        count, steps = 0, self.steps
        for batch in self._epoch():
            if count == steps:  # one more is asked for, so that a stream comes to its end
                break
            count += 1
            checked = [] if self.shared and self._is_empty(batch) else self._check(batch)
            self.joint = len(checked[0]) if checked else 0
            yield checked
            if count == self._given:
                break
            if count == _MANY and steps is None and self._is_iterator:
                warn(
                    f"{self._owner}: x, a generator, has given {count:,} batches and has not "
                    "ended; if it is endless, give the number of steps",
                    RuntimeWarning,
                )
        if not count:
            raise self._nothing()
        if self._given is not None and count < self._given:
            warn(f"{self._owner}: x ended after {count} of {self._given} batches", RuntimeWarning)
        if not hasattr(self._batches, "__iter__") and hasattr(self._batches, "on_epoch_end"):
            self._batches.on_epoch_end()  # Keras' PyDataset shuffles here

    def _epoch(self) -> Iterator[Any]:
        """Yield the batches of an epoch, and possibly more."""
        if self._given is None and not self._is_iterator:
            yield from begun(self._batches)
            return
        while True:
            begins = self._going_on is None
            self._going_on = begun(self._batches) if self._going_on is None else self._going_on
            count = 0
            for batch in self._going_on:
                count += 1
                yield batch
            if self._is_iterator or (begins and not count):
                return
            self._going_on = None

    def _nothing(self) -> ValueError:
        remedy = "its __iter__ must start again for each epoch"
        if self._is_iterator:
            remedy = "a generator can be read once; make it endless and give the number of steps"
        return ValueError(f"{self._owner}: x gave no batches; {remedy}")
