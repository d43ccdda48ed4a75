"""Batches of arrays as a stream, which can be changed on their way."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnx import distributed, geometry, random
from cnnx.arrays import Array
from cnnx.data.batch_stream import BatchStream

__all__ = ["ArrayStream"]


class ArrayStream(BatchStream):
    """Batches of arrays: what `fit` makes of arrays by itself, as a stream that can be mapped.

    Parameters
    ----------
    x : array-like
        Samples.
    y : array-like, optional
        Labels or targets; None makes a stream of samples alone.
    sample_weight : array-like, optional
        A weight for each sample.
    batch_size : int
        Of one rank.
    shuffle : bool
        Whether each pass has an order of its own.
    seed : int, optional
        Makes these orders repeatable by themselves; by default the global generator draws them.

    Raises
    ------
    ValueError
        The arrays hold nothing, or different numbers of samples.

    Examples
    --------
    >>> batches = cnnx.data.ArrayStream(x, cnnx.utils.to_categorical(y), batch_size=64)
    >>> model.fit(batches.map(layers.RandomFlip("horizontal")).map(layers.MixUp(0.2)), epochs=20)
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
    ) -> None:
        if y is None and sample_weight is not None:
            raise ValueError("ArrayStream: sample_weight needs y")
        parts = {"x": x, "y": y, "sample_weight": sample_weight}
        self._arrays: list[Array] = []
        for name, part in parts.items():
            if part is None and name != "x":
                continue
            array = np.asarray(part)
            if array.dtype == object or not array.ndim:
                raise TypeError(
                    f"ArrayStream: {name} must be an array of numbers, got {part!r:.80}"
                )
            self._arrays.append(array)
            if len(array) != len(self._arrays[0]) or not len(array):
                raise ValueError(
                    f"ArrayStream: x holds {len(self._arrays[0])} samples and {name} {len(array)}; "
                    "give as many of both, and one at least"
                )
        self._batch_size = geometry.integer(batch_size, "ArrayStream: batch_size")
        self._shuffle = bool(shuffle)
        if seed is not None:
            random.check_seed(seed, "ArrayStream: seed")
        self._generator = None if seed is None else random.generator(seed)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self._arrays[0])

    @property
    def _joint(self) -> int:
        return self._batch_size * distributed.group().size

    def __len__(self) -> int:
        return -(-self.samples // self._joint)

    def __iter__(self) -> Iterator[Any]:
        generator = self._generator or random.generator()
        count, size, group = self.samples, self._joint, distributed.group()
        order = generator.permutation(count) if self._shuffle else np.arange(count)
        for start in range(0, count, size):
            indices = order[start : start + size]
            indices = indices[group.part(len(indices))] if group.size > 1 else indices
            batch = tuple(array[indices] for array in self._arrays)
            yield batch if len(batch) > 1 else batch[0]

    def description(self) -> str:
        """Return shapes and a checksum of some samples."""
        shapes = ", ".join(f"{array.shape} {array.dtype}" for array in self._arrays)
        some = np.ascontiguousarray(self._arrays[0][:: max(self.samples // 63, 1)])
        checksum = zlib.crc32(some.view(np.uint8).data)
        return f"arrays {shapes}, checksum {checksum:08x}"

    def get_state(self) -> dict[str, Any]:
        """Return where the stream's own generator stands."""
        generator = self._generator
        return {"random": None if generator is None else generator.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        if self._generator is not None and state["random"] is not None:
            self._generator.bit_generator.state = state["random"]
