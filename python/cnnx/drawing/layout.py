"""Where the nodes of a drawing lie and which way its arrows run; nothing is drawn here."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from cnnx.drawing.node import Node
from cnnx.drawing.svg import Point

_MARGIN = 14.0
_GAP = 28.0  # between the nodes of a row
_TURN = 20.0  # room at both sides for the arrows from row to row
_BETWEEN_ROWS = 30.0
_UNDER_FIGURES = 6.0
_CLEAR = 4.0  # from an arrow's end to a figure
_ROW = 960.0  # width of a row, unless a single node is wider


class Place(NamedTuple):
    """Where a node lies: the middle of its figure, and the tops of its caption and of its row."""

    middle: Point
    caption: float
    row: float


class Layout(NamedTuple):
    """The places of nodes, in their order, and the bends of each arrow."""

    places: list[Place]
    arrows: list[list[Point]]
    width: float
    height: float


def chain_layout(nodes: Sequence[Node]) -> Layout:
    """Lay out nodes that follow one another, from left to right, in as few rows as they need."""
    rows = _balanced_rows(nodes)
    turn = _TURN if len(rows) > 1 else 0.0
    left = _MARGIN + turn
    right = left + max(map(_row_width, rows))
    places, bottom = _places(rows, left)
    arrows = [
        _way(_beside(*before, 1), _beside(*after, -1), (left - turn, right + turn), after[1].row)
        for before, after in itertools.pairwise(zip(nodes, places, strict=True))
    ]
    return Layout(places, arrows, right + turn + _MARGIN, bottom + _MARGIN)


def _places(rows: Sequence[Sequence[Node]], left: float) -> tuple[list[Place], float]:
    """Return the places of all nodes, and where the last row ends."""
    places: list[Place] = []
    bottom = _MARGIN - _BETWEEN_ROWS
    for row in rows:
        top = bottom + _BETWEEN_ROWS
        middle = top + max(node.rise for node in row)
        caption = middle + max(node.figure.height for node in row) / 2 + _UNDER_FIGURES
        bottom = caption + max(node.caption_height for node in row)
        places += [Place(Point(x, middle), caption, top) for x in _centres(row, left)]
    return places, bottom


def _row_width(row: Sequence[Node]) -> float:
    return sum(node.width for node in row) + _GAP * (len(row) - 1)


def _rows(nodes: Sequence[Node], width: float) -> list[list[Node]]:
    """Fill rows of a width one after the other."""
    rows: list[list[Node]] = [[]]
    for node in nodes:
        if rows[-1] and _row_width([*rows[-1], node]) > width:
            rows.append([])
        rows[-1].append(node)
    return rows


def _balanced_rows(nodes: Sequence[Node]) -> list[list[Node]]:
    """Return no more rows than the whole width needs, of about one width."""
    rows = _rows(nodes, _ROW)
    width = _row_width(nodes) / len(rows)
    while len(_rows(nodes, width)) > len(rows):
        width += _GAP
    return _rows(nodes, min(width, _ROW))


def _centres(row: Sequence[Node], left: float) -> list[float]:
    starts = itertools.accumulate((node.width + _GAP for node in row), initial=left)
    return [start + node.width / 2 for start, node in zip(starts, row, strict=False)]


def _beside(node: Node, place: Place, side: int) -> Point:
    """Return where an arrow ends to the left (-1) or begins to the right (1) of a figure."""
    x, y = place.middle
    return Point(x + side * (node.figure.width / 2 + _CLEAR), y)


def _way(start: Point, end: Point, sides: tuple[float, float], row: float) -> list[Point]:
    """Return the way along a row, or to the next one, whose top is at `row`, around its start."""
    if start.y == end.y:
        return [start, end]
    left, right = sides
    between = row - _BETWEEN_ROWS / 2
    return [
        start,
        Point(right, start.y),
        Point(right, between),
        Point(left, between),
        Point(left, end.y),
        end,
    ]
