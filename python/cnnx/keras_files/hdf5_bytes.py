"""The bytes of an HDF5 file, read within bounds."""

from __future__ import annotations

import struct
from typing import Any

from cnnx.keras_files.sizes import Budget

UNDEFINED = 2**64 - 1
"""The address of what is not there."""
MAX_STEPS = 500_000
"""Entries of tables that one file may make its reader look at."""


class Hdf5Bytes:
    """
    A file's content by address, which counts what it gives.

    Parameters
    ----------
    content
        All bytes of the file.
    budget
        Of memory.

    Attributes
    ----------
    spend
        Counts bytes that are unpacked.
    texts
        Where texts that are stored apart lie, by the address of their collection and their number.
    """

    def __init__(self, content: memoryview, budget: Budget) -> None:
        self._content = content
        self._steps = MAX_STEPS
        self.spend = budget.spend
        self.texts: dict[int, dict[int, tuple[int, int]]] = {}

    def take(self, address: int, count: int) -> memoryview:
        """Return bytes; raises ValueError if they lie outside the file."""
        if address + count > len(self._content):
            raise ValueError(
                f"it points to the bytes {address:,} to {address + count:,}, but it has "
                f"{len(self._content):,}"
            )
        return self._content[address : address + count]

    def unpack(self, layout: str, address: int) -> tuple[Any, ...]:
        """Return the fields that stand at an address."""
        return struct.unpack(layout, self.take(address, struct.calcsize(layout)))

    def expect(self, magic: bytes, address: int) -> None:
        """Raise ValueError if a structure does not begin as it has to."""
        found = bytes(self.take(address, len(magic)))
        if found != magic:
            raise ValueError(f"at byte {address:,} stands {found!r}, not {magic!r}")

    def step(self) -> None:
        """Count a look at an entry; raises ValueError if there were too many."""
        self._steps -= 1
        if self._steps < 0:
            raise ValueError(f"its tables have more than {MAX_STEPS:,} entries")
