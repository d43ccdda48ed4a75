"""Drawings that run from top to bottom: where nodes lie, and which way arrows run."""

from __future__ import annotations

from collections.abc import Sequence

from cnnx.drawing.lanes import Edge, Lanes
from cnnx.drawing.layout import (
    BETWEEN_ROWS,
    CLEAR,
    COMES,
    GAP,
    LEAVES,
    LINE,
    MARGIN,
    UNDER_FIGURES,
    Layout,
    Place,
    along,
)
from cnnx.drawing.node import Node
from cnnx.drawing.svg import Point


def upright(nodes: Sequence[Node], edges: Sequence[Edge]) -> Layout:
    """Lay out nodes from top to bottom; the lanes of `Lanes` stand beside each other."""
    lanes = Lanes(len(nodes), edges)
    widths = dict.fromkeys(sorted({*lanes.lanes, *lanes.runs.values()}), 2 * LINE)
    for node, lane in zip(nodes, lanes.lanes, strict=True):
        widths[lane] = max(widths[lane], node.width)
    middles, right = {}, MARGIN
    for lane, width in widths.items():
        middles[lane] = right + width / 2
        right += width + GAP
    levels = range(max(lanes.columns) + 1)
    rises, falls = ([0.0 for _ in levels] for _ in range(2))
    for node, level in zip(nodes, lanes.columns, strict=True):
        rises[level] = max(rises[level], node.rise)
        falls[level] = max(falls[level], _fall(node))
    tops, bottom = [], MARGIN
    for level in levels:
        tops.append(bottom)
        bottom += rises[level] + falls[level] + BETWEEN_ROWS
    places = []
    for node, level, lane in zip(nodes, lanes.columns, lanes.lanes, strict=True):
        middle = Point(middles[lane], tops[level] + rises[level])
        places.append(Place(middle, middle.y + node.figure.height / 2 + UNDER_FIGURES))
    arrows = []
    for edge in edges:
        first, last = edge
        leaves = tops[lanes.columns[first] + 1] - BETWEEN_ROWS + LEAVES
        comes = tops[lanes.columns[last]] - COMES
        start, end = places[first].middle, places[last].middle
        way = along(  # the way from left to right, with the axes swapped
            Point(start.y + _fall(nodes[first]) + CLEAR, start.x),
            Point(end.y - nodes[last].rise - CLEAR, end.x),
            (leaves, comes),
            middles[lanes.runs.get(edge, lanes.lanes[last])],
        )
        arrows.append([Point(point.y, point.x) for point in way])
    return Layout(places, arrows, right - GAP + MARGIN, bottom - BETWEEN_ROWS + MARGIN)


def _fall(node: Node) -> float:
    """Return the pixels below a node's middle line."""
    return node.figure.height / 2 + UNDER_FIGURES + node.caption_height
