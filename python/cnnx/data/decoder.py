"""Decoding many picture files by several threads, within a budget of memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cnnx import config
from cnnx.arrays import Array
from cnnx.data.findings import Findings
from cnnx.data.memory_budget import MemoryBudget, MemoryLimitError
from cnnx.data.picture_form import PictureForm
from cnnx.data.picture_reader import read_picture
from cnnx.progress import Progress

AHEAD = 64  # pictures handed to the threads at a time when a whole folder is read
RUN = 8  # pictures that a thread takes at a time, at most
LEAST_BYTES = 12 << 20  # what a thread must have to decode a picture of a megapixel


class Decoder:
    """What the pictures of a folder are brought to, and the memory that may take.

    Parameters
    ----------
    folder : Path
        Holds the files.
    form : PictureForm
        Of all pictures, with a size.
    max_memory : int
        Bytes that the pictures and decoding may take together.
    pictures : int
        Number of pictures in memory at a time.
    streamed : bool
        Whether they are read batch by batch. A picture that then needs more than is left beside the
        batches is left out. One that does beside all the others ends the reading instead: which
        pictures are read does not depend on the others.

    Raises
    ------
    ValueError
        The pictures alone take too much.
    """

    def __init__(
        self, folder: Path, form: PictureForm, max_memory: int, pictures: int, streamed: bool
    ) -> None:
        self.folder = folder
        self.form = form
        kept = pictures * math.prod(form.shape) * np.dtype(form.dtype).itemsize
        self._spare = max_memory - kept
        if self._spare < LEAST_BYTES:
            height, width = form.shape[:2]
            raise ValueError(
                f"{folder}: {pictures:,} pictures of {height} x {width} pixels take {kept:,} "
                f"bytes, and decoding {LEAST_BYTES:,}, more than max_memory={max_memory:,}; give a "
                "batch_size for a stream, a smaller image_size or batch_size, or more memory"
            )
        self._most = self._spare if streamed else max_memory

    def pictures(self, count: int) -> Array:
        """Return an array for `count` pictures."""
        return np.empty((count, *self.form.shape), self.form.dtype)

    def reading(self) -> Reading:
        """Return threads that read pictures, to be used as a context manager."""
        threads = min(config.num_threads(), self._spare // LEAST_BYTES)
        return Reading(self, MemoryBudget(self._most, self._spare, threads), threads)

    def read(self, files: Sequence[Path], progress: Progress) -> ReadPictures:
        """Return the pictures that can be read."""
        x = self.pictures(len(files))
        kept: list[int] = []
        with self.reading() as reading:
            for start in range(0, len(files), AHEAD):
                part = files[start : start + AHEAD]
                for index, found in enumerate(reading.begin(part, x[start:]).found(), start):
                    if found:
                        if len(kept) < index:
                            x[len(kept)] = x[index]
                        kept.append(index)
                progress.advance(len(part))
        return ReadPictures(x[: len(kept)], kept, reading.findings)


class ReadPictures(NamedTuple):
    """Pictures that were read.

    Attributes
    ----------
    pictures : ndarray
        Shape (n, height, width, channels).
    kept : list of int
        Which of the files they are.
    findings : Findings
        What was found wrong with the files.
    """

    pictures: Array
    kept: list[int]
    findings: Findings


class ReadAhead:
    """Pictures that threads are about to read."""

    def __init__(self, runs: list[Future[list[bool]]]) -> None:
        self._runs = runs

    def found(self) -> NDArray[np.bool_]:
        """Wait until all are read, and tell which of them could be."""
        return np.array([found for run in self._runs for found in run.result()], bool)


class Reading:
    """Threads that read pictures; use it as a context manager.

    Attributes
    ----------
    findings : Findings
        What was found wrong with the files so far.
    """

    def __init__(self, decoder: Decoder, budget: MemoryBudget, threads: int) -> None:
        self.findings = Findings(decoder.folder)
        self._form = decoder.form
        self._budget = budget
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)

    def begin(self, files: Sequence[Path], out: Array) -> ReadAhead:
        """Begin to read files into the pictures of `out`."""
        run = min(max(len(files) // (2 * self._threads), 1), RUN)
        starts = range(0, len(files), run)
        runs = (zip(files[i : i + run], out[i : i + run], strict=False) for i in starts)
        return ReadAhead([self._pool.submit(self._read_run, pairs) for pairs in runs])

    def _read_run(self, pairs: Iterable[tuple[Path, Array]]) -> list[bool]:
        return [self._read(file, out) for file, out in pairs]

    def _read(self, file: Path, out: Array) -> bool:
        try:
            with ExitStack() as held:

                def take(amount: int, what: str) -> None:
                    held.enter_context(self._budget.taken(amount, what))

                read = read_picture(file, self._form, take, out)
        except MemoryLimitError as error:
            raise ValueError(f"{file}: {error}") from None
        except (OSError, ValueError) as error:
            self.findings.left_out[file] = str(error)
            return False
        for found, texts in (
            (self.findings.lost, read.lost),
            (self.findings.remarks, read.remarks),
        ):
            if texts:
                found[file] = "; ".join(texts)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._pool.shutdown(cancel_futures=True)
