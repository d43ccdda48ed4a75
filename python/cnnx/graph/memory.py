"""Where the arrays of a plan lie in one piece of memory: those that live together lie apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias
from weakref import WeakSet

import numpy as np

from cnnx.arrays import Float
from cnnx.buffer import aligned_empty

FLOAT = 4  # bytes
LINE = 64 // FLOAT  # floats of a cache line

Span: TypeAlias = tuple[int, int]
"""A first and a last time."""


class Place(NamedTuple):
    """Where something lies: its first float, and the one after its last."""

    start: int
    stop: int


class Region:
    """
    A stretch of memory that arrays use one after the other.

    Parameters
    ----------
    size
        Number of floats of one sample.
    *spans
        When it is in use: the first and the last time, before and after a pause.
    """

    __slots__ = ("size", "spans")

    def __init__(self, size: int, *spans: Span) -> None:
        self.size = size
        self.spans = list(spans)

    def join(self, other: Region) -> Region:
        """Serve the arrays of another region of the same size too; return itself."""
        self.spans += other.spans
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
        for first, last in region.spans:
            self._from[first].append(region)
            low, high = first + self._leaves, last + self._leaves + 1
            while low < high:  # the fewest nodes that cover the time
                if low % 2:
                    self._during[low].append(region)
                if high % 2:
                    self._during[high - 1].append(region)
                low, high = (low + 1) // 2, high // 2

    def met(self, region: Region) -> set[Region]:
        """Return what is in use when `region` begins, and what begins while it is in use."""
        found: set[Region] = set()
        for first, last in region.spans:
            for time in range(first + 1, last + 1):
                found.update(self._from.get(time, ()))
            node = first + self._leaves
            while node:
                found.update(self._during.get(node, ()))
                node //= 2
        return found


def lay_out(
    regions: Sequence[Region], rows: int, held: Mapping[Region, Place]
) -> tuple[dict[Region, int], int]:
    """
    Return where each region begins for a number of samples, and where all end; in floats.

    One after the other takes the lowest place where it overlaps none that lives at the same time.
    Of a few orders, the one that takes least counts. All begin at cache lines.

    Parameters
    ----------
    regions
        To be laid out.
    rows
        Number of samples.
    held
        Regions that have their place.
    """
    return min(
        (_laid_out(sorted(regions, key=order), rows, held) for order in _ORDERS),
        key=lambda found: found[1],
    )


_ORDERS: tuple[Callable[[Region], tuple[int, ...]], ...] = (
    lambda region: (-region.size,),
    lambda region: (-region.size, -region.spans[-1][1]),
    lambda region: (region.spans[0][0], -region.size),
)
"""The largest regions first, the last to go of those, and the first to come."""


def _laid_out(
    regions: Sequence[Region], rows: int, held: Mapping[Region, Place]
) -> tuple[dict[Region, int], int]:
    """Return what `lay_out` does, of regions in turn."""
    places = dict(held)
    times = (last for region in (*regions, *held) for _, last in region.spans)
    placed = Timetable(max(times, default=0) + 1)
    for region in held:
        placed.enter(region)
    for region in regions:
        length = _lines(region.size * rows)
        start = 0
        for other in sorted(places[met] for met in placed.met(region)):
            if start + length <= other.start:
                break
            start = max(start, _lines(other.stop))
        places[region] = Place(start, start + length)
        placed.enter(region)
    total = max((place.stop for place in places.values()), default=0)
    return {region: places[region].start for region in regions}, total


def _lines(floats: int) -> int:
    """Return so many floats rounded up to whole cache lines."""
    return -(-floats // LINE) * LINE
