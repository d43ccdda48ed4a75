"""Batches of pictures that are read from files while a network works on those before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import random
from cnnx.data.decoder import Decoder
from cnnx.data.pictures import Pixels

__all__ = ["ImageStream"]

Labels = NDArray[Any]


class ImageStream:
    """Batches (pictures, labels) that are read from files, anew each time it is iterated.

    While one batch is used the threads decode the next. `image_folder` makes it; `fit`, `evaluate`
    and `predict` take it in place of arrays. With ``label_mode=None`` it yields pictures alone, for
    `predict`.

    Attributes
    ----------
    samples : int
        Number of pictures. Files found to be unreadable in one pass are left out of the next.
    file_paths : list of Path
        The file of each picture, in the order of a pass without shuffling. A file that cannot be
        read is no longer listed after the first pass.
    """

    def __init__(
        self,
        decoder: Decoder,
        files: list[Path],
        targets: Labels | None,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        self._decoder = decoder
        self._files = files
        self._targets = targets
        self._batch_size = batch_size
        self._generator = None if seed is None else random.generator(seed)
        self._shuffle = shuffle
        self._left_out: set[Path] = set()

    @property
    def samples(self) -> int:
        """Number of pictures."""
        return len(self._files)

    @property
    def file_paths(self) -> list[Path]:
        """The file of each picture, in the order of a pass without shuffling."""
        return list(self._files)

    def __len__(self) -> int:
        return -(-len(self._files) // self._batch_size)

    def get_state(self) -> dict[str, Any]:
        """Return where the stream's own generator stands, and the files that it leaves out."""
        generator = self._generator
        return {
            "random": None if generator is None else generator.bit_generator.state,
            "left_out": sorted(map(str, self._left_out)),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        if self._generator is not None and state["random"] is not None:
            self._generator.bit_generator.state = state["random"]
        self._leave_out(set(map(Path, state["left_out"])))

    def __iter__(self) -> Iterator[Pixels | tuple[Pixels, Labels]]:
        generator = self._generator or random.generator()
        count = len(self._files)
        order = generator.permutation(count) if self._shuffle else np.arange(count)
        parts = np.split(order, range(self._batch_size, count, self._batch_size))
        readable = np.ones(count, np.bool_)
        with ThreadPoolExecutor(self._decoder.threads) as pool:
            try:
                waiting = self._begin(pool, parts[0])
                for index, part in enumerate(parts):
                    pictures = [future.result() for future in waiting]
                    if index + 1 < len(parts):
                        waiting = self._begin(pool, parts[index + 1])
                    found = np.array([picture is not None for picture in pictures])
                    readable[part[~found]] = False
                    if found.any():
                        x = np.stack([picture for picture in pictures if picture is not None])
                        yield x if self._targets is None else (x, self._targets[part[found]])
            finally:
                pool.shutdown(cancel_futures=True)
        self._leave_out({self._files[index] for index in np.flatnonzero(~readable)})
        self._decoder.warn()

    def _leave_out(self, files: set[Path]) -> None:
        kept = [index for index, file in enumerate(self._files) if file not in files]
        self._files = [self._files[index] for index in kept]
        if self._targets is not None:
            self._targets = self._targets[kept]
        self._left_out |= files

    def _begin(self, pool: ThreadPoolExecutor, part: Labels) -> list[Future[Pixels | None]]:
        return [pool.submit(self._decoder, self._files[index]) for index in part]
