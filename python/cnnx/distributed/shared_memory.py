"""Memory in which the processes of one machine sum arrays."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

import numpy as np

from cnnx import _core
from cnnx.arrays import Array

ROOM = 1 << 22
"""Bytes that each rank has for arrays on their way."""
DTYPES = [np.dtype(name) for name in ("float32", "float64", "int64")]
COUNTERS = 192
"""Bytes in which each rank tells the others how far it has come."""


class SharedSums:
    """
    Sums of arrays over the ranks of one machine.

    Parameters
    ----------
    memory
        That all of them see: ``(COUNTERS + ROOM) * size`` zeros.
    rank, size
        Of the ranks.
    """

    def __init__(self, memory: mmap.mmap, rank: int, size: int) -> None:
        self._sums = _core.SharedSums(np.frombuffer(memory, np.uint8), rank, size)

    def takes(self, array: Array) -> bool:
        """Return whether arrays of this kind can be summed here."""
        return array.dtype in DTYPES

    def begin(self, array: Array) -> SharedSum:
        """Begin to replace the numbers of an array of one dimension by their sums."""
        return SharedSum(self._sums, self._sums.begin(array))


class SharedSum:
    """A sum that was begun; it is asked for its end as a request of MPI is."""

    def __init__(self, sums: _core.SharedSums, number: int) -> None:
        self._sums = sums
        self._number = number

    def Test(self) -> bool:  # noqa: N802
        """Do what can be done without waiting; return whether this sum has ended here."""
        return self._sums.advance() >= self._number


def create_memory(size: int) -> tuple[str, mmap.mmap] | None:
    """Return a new file and its zeros in memory, for so many ranks; None where there is no room."""
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    try:
        number, path = tempfile.mkstemp(".cnnx", dir=folder)
    except OSError:
        return None
    try:
        os.posix_fallocate(number, 0, _bytes(size))  # or a write would end the process
        return path, mmap.mmap(number, _bytes(size))
    except (OSError, AttributeError):  # not all systems have the function
        Path(path).unlink()
        return None
    finally:
        os.close(number)


def open_memory(path: str, size: int) -> mmap.mmap | None:
    """Return the memory that another process has created; None if it is not seen here."""
    try:
        with open(path, "r+b") as file:
            return mmap.mmap(file.fileno(), _bytes(size))
    except (OSError, ValueError):
        return None


def _bytes(size: int) -> int:
    return (COUNTERS + ROOM) * size
