"""Memory that several threads share."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class MemoryLimitError(ValueError):
    """A picture needs more memory than is left beside the others."""


class MemoryBudget:
    """Bytes that threads take and give back; who needs more than is free waits.

    Parameters
    ----------
    most : int
        What one picture may take. It does not depend on the threads or on the other pictures.
    spare : int
        What there is for all.
    threads : int
        Number of threads.
    """

    def __init__(self, most: int, spare: int, threads: int) -> None:
        self._most = most
        self._share = spare // threads
        self._spare = self._free = spare
        self._changed = Condition()

    @contextmanager
    def taken(self, amount: int, what: str) -> Iterator[None]:
        """Hold `amount` bytes for `what`.

        Raises
        ------
        ValueError
            One picture may not take so much.
        MemoryLimitError
            It may, but there is not so much.
        """
        if amount > self._most:
            raise ValueError(
                f"too large: {what}, which take {amount:,} bytes to decode, more than "
                f"max_memory allows: {self._most:,}"
            )
        if amount > self._spare:
            raise MemoryLimitError(
                f"{what} take {amount:,} bytes to decode, but beside the pictures "
                f"max_memory={self._most:,} leaves {self._spare:,}; give a batch_size for a "
                "stream, a smaller image_size, or more memory"
            )
        with self._changed:
            self._changed.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            if amount > self._share:
                _return_freed_memory()
            with self._changed:
                self._free += amount
                self._changed.notify_all()


def _return_freed_memory() -> None:
    """Have the C library return what it keeps of freed memory, for each thread by itself."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim is not None:
            trim(0)
