"""Where the arrays of a plan lie in one piece of memory: those that live together lie apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakSet

import numpy as np

from cnnx.arrays import Float
from cnnx.buffer import aligned_empty

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


class User(Protocol):
    """Whoever computes in an arena."""

    def leave(self) -> None:
        """Let go of all arrays in it."""


class Arena:
    """
    Memory that its users compute in, one at a time.

    Attributes
    ----------
    users
        Those that have arrays in it.
    """

    def __init__(self) -> None:
        self.users: WeakSet[User] = WeakSet()
        self._memory: Float = np.empty(0, np.float32)

    def at_least(self, size: int) -> Float:
        """Return the memory, which holds so many floats; where it has to grow, all users leave."""
        if len(self._memory) < size:
            for user in self.users:
                user.leave()
            self._memory = np.empty(0, np.float32)
            self._memory = aligned_empty((size,))
        return self._memory


class Timetable:
    """
    Which of the regions entered are in use when: a tree of halves, quarters, ... of the time.

    Parameters
    ----------
    end
        Later than all times.
    """

    def __init__(self, end: int) -> None:
        self._leaves = 1 << end.bit_length()
        self._during: defaultdict[int, list[Region]] = defaultdict(list)
        self._from: defaultdict[int, list[Region]] = defaultdict(list)

    def enter(self, region: Region) -> None:
        """Take in a region."""
        self._from[region.first].append(region)
        low, high = region.first + self._leaves, region.last + self._leaves + 1
        while low < high:  # the fewest nodes that cover the time
            if low % 2:
                self._during[low].append(region)
            if high % 2:
                self._during[high - 1].append(region)
            low, high = (low + 1) // 2, high // 2

    def met(self, region: Region) -> list[Region]:
        """Return what is in use when `region` begins, and what begins while it is in use."""
        found = [
            other
            for time in range(region.first + 1, region.last + 1)
            if time in self._from
            for other in self._from[time]
        ]
        node = region.first + self._leaves
        while node:
            found += self._during.get(node, ())
            node //= 2
        return found


def lay_out(regions: Sequence[Region], rows: int) -> tuple[dict[Region, int], int]:
    """
    Return where each region begins for a number of samples, and how long all are; in floats.

    The largest come first. Each takes the lowest place where it overlaps none that lives at the
    same time. All begin at cache lines.
    """
    starts: dict[Region, int] = {}
    placed = Timetable(max((region.last for region in regions), default=0) + 1)
    total = 0
    for region in sorted(regions, key=lambda region: -region.size):
        length = -(-region.size * rows // LINE) * LINE
        start = 0
        for other in sorted(placed.met(region), key=starts.__getitem__):
            if start + length <= starts[other]:
                break
            start = max(start, starts[other] - (-other.size * rows // LINE) * LINE)
        starts[region] = start
        placed.enter(region)
        total = max(total, start + length)
    return starts, total
