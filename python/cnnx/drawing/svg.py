"""The SVG elements that a drawing is made of; lengths are in pixels, y grows downwards."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

FONT_SIZE = 11
LINE_HEIGHT = 14

_INK = "#333333"
_ROUNDING = 6.0  # radius of an arrow's corners
_WIDTH_OF_A_LETTER = 0.64 * FONT_SIZE  # the mean of wide fonts, such as DejaVu Sans
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Point(NamedTuple):
    """A place in the drawing."""

    x: float
    y: float


def escape(text: str) -> str:
    """Return text as XML holds it, with a replacement for characters that XML cannot hold."""
    return html.escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def text_width(text: str) -> float:
    """Return about how wide a text is; fonts differ, so this is rather too much than too little."""
    return _WIDTH_OF_A_LETTER * sum(map(_letters, text))


def _letters(letter: str) -> float:
    """Return how many letters of mean width are as wide as this one."""
    if unicodedata.east_asian_width(letter) in "WF":
        return 2
    return 1.6 if letter in "mwMW@%" else 1


def rectangle(
    left: float, top: float, width: float, height: float, fill: str, radius: float = 0
) -> str:
    """Return a filled rectangle with an outline."""
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{radius:g}" fill="{fill}" stroke="{_INK}" stroke-width="0.8"/>'
    )


def circle(center: Point, radius: float, fill: str) -> str:
    """Return a filled circle, with an outline unless it is a mere dot."""
    stroke = "" if fill == _INK else f' stroke="{_INK}" stroke-width="0.8"'
    return f'<circle cx="{center.x:.1f}" cy="{center.y:.1f}" r="{radius:g}" fill="{fill}"{stroke}/>'


def dot(center: Point) -> str:
    """Return a dot of an ellipsis."""
    return circle(center, 1, _INK)


def text(content: str, middle: float, baseline: float, bold: bool = False) -> str:
    """Return a line of text around a middle."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{middle:.1f}" y="{baseline:.1f}"{weight}>{escape(content)}</text>'


def arrow(points: Sequence[Point]) -> str:
    """Return a line through `points` whose last piece runs right or down and ends in a head."""
    tip = points[-1]
    down = tip.x == points[-2].x
    head = [Point(0, 0), Point(-7, -3.5), Point(-7, 3.5), Point(-6, 0)]
    *head, end = [Point(tip.x + (y if down else x), tip.y + (x if down else y)) for x, y in head]
    line = _rounded([*points[:-1], end])
    return (
        f'<polyline points="{_joined(line)}" fill="none" stroke="{_INK}"/>'
        f'<polygon points="{_joined(head)}" fill="{_INK}"/>'
    )


def _rounded(points: Sequence[Point]) -> Iterator[Point]:
    """Yield a line's points, with a few on an arc in the place of each corner."""
    yield points[0]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        begin, end = (_towards(corner, other) for other in (before, after))
        for share in (0, 0.25, 0.5, 0.75, 1):
            yield Point(
                *(
                    (1 - share) ** 2 * a + 2 * share * (1 - share) * b + share**2 * c
                    for a, b, c in zip(begin, corner, end, strict=True)
                )
            )
    yield points[-1]


def _towards(corner: Point, other: Point) -> Point:
    """Return the point where the arc of a corner begins, on the way to another point."""
    length = max(abs(other.x - corner.x), abs(other.y - corner.y))
    share = min(_ROUNDING, length / 2) / length if length else 0
    return Point(corner.x + share * (other.x - corner.x), corner.y + share * (other.y - corner.y))


def _joined(points: Iterable[Point]) -> str:
    return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in points)


def group(kind: str, elements: Iterable[str]) -> str:
    """Return elements that belong together."""
    return "\n".join([f'<g class="{kind}">', *elements, "</g>"])


def document(
    title: str, width: float, height: float, elements: Iterable[str], scale: float = 1.0
) -> str:
    """Return a whole SVG file, shown `scale` times as large as it is drawn."""
    shown = f'width="{scale * width:.0f}" height="{scale * height:.0f}"'
    size = f'{shown} viewBox="0 0 {width:.0f} {height:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" text-anchor="middle" '
            f'font-family="Helvetica, Arial, sans-serif" font-size="{FONT_SIZE}">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="white"/>',
            *elements,
            "</svg>\n",
        ]
    )
