"""Where the nodes of a drawing lie and which way its arrows run; nothing is drawn here."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from cnnx.drawing.lanes import Edge, Lanes
from cnnx.drawing.node import Node
from cnnx.drawing.svg import Point

MARGIN = 14.0
GAP = 28.0  # between columns
_TURN = 20.0  # room at both sides for the arrows from row to row
BETWEEN_ROWS = 30.0
_BETWEEN_LANES = 10.0
UNDER_FIGURES = 6.0
CLEAR = 4.0  # from an arrow's end to a figure
LEAVES, COMES = 8.0, 15.0  # from a column to where arrows turn after it, and before it
LINE = 6.0  # from the line of an arrow to the ends of its lane
_ROW = 960.0  # width of a row, unless what cannot be divided is wider:
_BESIDE = 1.25  # then times its width, so that little stands in a row by itself


class Place(NamedTuple):
    """Where a node lies: the middle of its figure, and the top of its caption."""

    middle: Point
    caption: float


class Layout(NamedTuple):
    """The places of nodes, in their order, and the bends of each arrow."""

    places: list[Place]
    arrows: list[list[Point]]
    width: float
    height: float


class _Row:
    """Columns beside each other: their left and right ends, and the height of each lane's line."""

    def __init__(self, columns: Sequence[int], widths: Sequence[float], left: float) -> None:
        self.columns = columns
        self.left: dict[int, float] = {}
        self.right: dict[int, float] = {}
        for column in columns:
            self.left[column] = left
            self.right[column] = left + widths[column]
            left += widths[column] + GAP
        self.top = 0.0
        self.line: dict[int, float] = {}
        self.caption: dict[int, float] = {}

    def put(self, top: float, nodes: dict[int, list[Node]], lanes: Sequence[int]) -> float:
        """Lay out lanes from `top` down, each with its nodes; return where the last one ends."""
        self.top = top
        bottom = top - _BETWEEN_LANES
        for lane in lanes:
            there = nodes[lane]
            line = bottom + _BETWEEN_LANES + max((node.rise for node in there), default=LINE)
            figures = max((node.figure.height for node in there), default=0.0)
            self.line[lane] = line
            self.caption[lane] = line + figures / 2 + UNDER_FIGURES
            captions = max((node.caption_height for node in there), default=0.0)
            bottom = self.caption[lane] + captions if there else line + LINE
        return bottom


def layout(nodes: Sequence[Node], edges: Sequence[Edge]) -> Layout:
    """Lay out nodes from left to right, in as few rows as they need."""
    lanes = Lanes(len(nodes), edges)
    widths = [0.0] * (max(lanes.columns) + 1)
    for node, column in zip(nodes, lanes.columns, strict=True):
        widths[column] = max(widths[column], node.width)
    parts = _balanced_rows(_blocks(lanes.bottlenecks(), len(widths)), widths)
    turn = _TURN if len(parts) > 1 else 0.0
    left = MARGIN + turn
    rows = [_Row(part, widths, left) for part in parts]
    of_column = {column: row for row in rows for column in row.columns}
    bottom = MARGIN - BETWEEN_ROWS
    for row in rows:
        bottom = row.put(bottom + BETWEEN_ROWS, *_in_row(row, nodes, lanes))
    places = []
    for column, lane in zip(lanes.columns, lanes.lanes, strict=True):
        row = of_column[column]
        middle = (row.left[column] + row.right[column]) / 2
        places.append(Place(Point(middle, row.line[lane]), row.caption[lane]))
    right = max(row.right[row.columns[-1]] for row in rows)
    arrows = []
    for edge in edges:
        before, after = (lanes.columns[node] for node in edge)
        start = _beside(nodes[edge[0]], places[edge[0]], 1)
        end = _beside(nodes[edge[1]], places[edge[1]], -1)
        row = of_column[before]
        if of_column[after] is row:
            line = row.line[lanes.runs.get(edge, lanes.lanes[edge[1]])]
            turns = row.right[before] + LEAVES, row.left[after] - COMES
            arrows.append(along(start, end, turns, line))
        else:
            sides = left - turn, right + turn
            arrows.append(_to_next_row(start, end, sides, of_column[after].top))
    return Layout(places, arrows, right + turn + MARGIN, bottom + MARGIN)


def _beside(node: Node, place: Place, side: int) -> Point:
    """Return where an arrow ends to the left (-1) or begins to the right (1) of a figure."""
    x, y = place.middle
    return Point(x + side * (node.figure.width / 2 + CLEAR), y)


def _in_row(
    row: _Row, nodes: Sequence[Node], lanes: Lanes
) -> tuple[dict[int, list[Node]], list[int]]:
    """Return the nodes of a row by their lanes, and all lanes that are used there."""
    found: dict[int, list[Node]] = defaultdict(list)
    for node, column, lane in zip(nodes, lanes.columns, lanes.lanes, strict=True):
        if column in row.left:
            found[lane].append(node)
    passed = {lane for edge, lane in lanes.runs.items() if lanes.columns[edge[0]] in row.left}
    return found, sorted({*found, *passed})


def _blocks(bottlenecks: Sequence[int], columns: int) -> list[list[int]]:
    """Return the columns, parted where a row may end."""
    ends = [0, *(column + 1 for column in bottlenecks), columns]
    return [list(range(*pair)) for pair in itertools.pairwise(ends)]


def _width(columns: Sequence[int], widths: Sequence[float]) -> float:
    return sum(widths[column] for column in columns) + GAP * (len(columns) - 1)


def _rows(blocks: Sequence[list[int]], widths: Sequence[float], most: float) -> list[list[int]]:
    """Fill rows of a width one after the other."""
    rows: list[list[int]] = [[]]
    for block in blocks:
        if rows[-1] and _width([*rows[-1], *block], widths) > most:
            rows.append([])
        rows[-1] += block
    return rows


def _balanced_rows(blocks: Sequence[list[int]], widths: Sequence[float]) -> list[list[int]]:
    """Return no more rows than the whole width needs, of about one width."""
    most = max(_ROW, _BESIDE * max(_width(block, widths) for block in blocks))
    rows = _rows(blocks, widths, most)
    width = _width(range(len(widths)), widths) / len(rows)
    while len(_rows(blocks, widths, width)) > len(rows):
        width += GAP
    return _rows(blocks, widths, min(width, most))


def along(start: Point, end: Point, turns: tuple[float, float], line: float) -> list[Point]:
    """Return the way from one figure to another, along a lane between them."""
    first, last = turns
    ways = [start]
    if line != start.y:
        ways += [Point(first, start.y), Point(first, line)]
    if line != end.y:
        ways += [Point(last, line), Point(last, end.y)]
    return [*ways, end]


def _to_next_row(start: Point, end: Point, sides: tuple[float, float], row: float) -> list[Point]:
    """Return the way around the end of a row to the next one, whose top is at `row`."""
    left, right = sides
    between = row - BETWEEN_ROWS / 2
    return [
        start,
        Point(right, start.y),
        Point(right, between),
        Point(left, between),
        Point(left, end.y),
        end,
    ]
