"""Where the arrays of a plan lie in one piece of memory: those that live together lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FLOAT = 4  # bytes
LINE = 64 // FLOAT  # floats of a cache line


@dataclass(eq=False)
class Region:
    """
    A stretch of memory that arrays use one after the other.

    Attributes
    ----------
    size
        Number of floats of one sample.
    first, last
        The times of its first and last use.
    """

    size: int
    first: int
    last: int

    def join(self, other: Region) -> Region:
        """Serve the arrays of another region of the same size too; return itself."""
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        return self

    def meets(self, other: Region) -> bool:
        """Return whether there is a time at which both are in use."""
        return self.first <= other.last and other.first <= self.last


def lay_out(regions: Sequence[Region], rows: int) -> tuple[dict[Region, int], int]:
    """
    Return where each region begins for a number of samples, and how long all are; in floats.

    The largest come first. Each takes the lowest place where it overlaps none that lives at the
    same time. All begin at cache lines.
    """
    starts: dict[Region, int] = {}
    total = 0
    for region in sorted(regions, key=lambda region: -region.size):
        length = -(-region.size * rows // LINE) * LINE
        start = 0
        for other in sorted(filter(region.meets, starts), key=starts.__getitem__):
            if start + length <= starts[other]:
                break
            start = max(start, starts[other] - (-other.size * rows // LINE) * LINE)
        starts[region] = start
        total = max(total, start + length)
    return starts, total
