"""Which column and which lane the nodes of a network stand in; numbers alone, no pixels."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Edge: TypeAlias = tuple[int, int]


class _Stretch(NamedTuple):
    """What takes a lane from one column to another: nodes in a line, and arrows along it."""

    first: int
    last: int
    nodes: list[int]
    edges: list[Edge]


class Lanes:
    """
    The longest way through a network in lane 0, shorter ways below it, shortcuts above it.

    Parameters
    ----------
    count
        Number of nodes; each has a higher number than those that it reads.
    edges
        From a node to one that reads it, in the order of their ends.

    Attributes
    ----------
    columns, lanes
        Of each node: how many follow one another before it, and its lane.
    runs
        The lanes along which edges pass the columns between their ends.
    """

    def __init__(self, count: int, edges: Sequence[Edge]) -> None:
        self._sources: dict[int, list[int]] = defaultdict(list)
        self._readers: dict[int, list[int]] = defaultdict(list)
        for source, reader in edges:
            self._sources[reader].append(source)
            self._readers[source].append(reader)
        self.columns = [0] * count
        for source, reader in edges:
            self.columns[reader] = max(self.columns[reader], self.columns[source] + 1)
        for node in range(count):
            if node not in self._sources and node in self._readers:
                self.columns[node] = min(self.columns[item] for item in self._readers[node]) - 1
        self.lanes = [0] * count
        self.runs: dict[Edge, int] = {}
        self._place(edges)
        self._edges = edges

    def bottlenecks(self) -> list[int]:
        """Return the columns after which a single arrow goes on: there a row may end."""
        passing = [0] * (max(self.columns) + 1)
        for source, reader in self._edges:
            for column in range(self.columns[source], self.columns[reader]):
                passing[column] += 1
        return [column for column, number in enumerate(passing) if number == 1]

    def _place(self, edges: Sequence[Edge]) -> None:
        ways = [self._stretch(way) for way in self._ways()]
        along = {edge for way in ways for edge in way.edges}
        shortcuts = [
            _Stretch(self.columns[edge[0]] + 1, self.columns[edge[1]] - 1, [], [edge])
            for edge in edges
            if edge not in along and self.columns[edge[1]] - self.columns[edge[0]] > 1
        ]
        self._stack(ways[:1], range(1))
        self._stack(ways[1:], range(1, len(ways)))
        self._stack(shortcuts, range(-1, -1 - len(shortcuts), -1))

    def _ways(self) -> list[list[int]]:
        """Return lines of nodes that read one another, the longest first; each node is in one."""
        free = set(range(len(self.columns)))
        ways = []
        while free:
            way = [max(free, key=lambda node: (self.columns[node], -node))]
            while before := [node for node in self._sources[way[-1]] if node in free]:
                way.append(max(before, key=self.columns.__getitem__))
            free.difference_update(way)
            ways.append(way[::-1])
        return ways

    def _stretch(self, way: list[int]) -> _Stretch:
        """Return a line of nodes with the arrows in it, and one to it and one from it."""
        columns = self.columns
        before = max(self._sources[way[0]], key=columns.__getitem__, default=None)
        after = max(self._readers[way[-1]], key=columns.__getitem__, default=None)
        whole = [*([] if before is None else [before]), *way, *([] if after is None else [after])]
        return _Stretch(
            columns[way[0]] if before is None else columns[before] + 1,
            columns[way[-1]] if after is None else columns[after] - 1,
            way,
            list(itertools.pairwise(whole)),
        )

    def _stack(self, stretches: Sequence[_Stretch], lanes: range) -> None:
        """Give each stretch the first lane that is free for it, the short ones first."""
        taken: dict[int, list[_Stretch]] = defaultdict(list)
        for stretch in sorted(stretches, key=lambda item: (item.last - item.first, item.first)):
            lane = next(
                lane
                for lane in lanes
                if all(
                    stretch.first > other.last + 1 or other.first > stretch.last + 1
                    for other in taken[lane]
                )
            )
            taken[lane].append(stretch)
            for node in stretch.nodes:
                self.lanes[node] = lane
            self.runs |= dict.fromkeys(stretch.edges, lane)
