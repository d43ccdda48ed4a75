"""The SVG elements that a drawing is made of; lengths are in pixels, y grows downwards."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

FONT_SIZE = 11
LINE_HEIGHT = 14

_INK = "#333333"
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
    """Return a line through `points` whose last piece runs to the right and ends in a head."""
    tip = points[-1]
    line = [*points[:-1], Point(tip.x - 6, tip.y)]
    head = [tip, Point(tip.x - 7, tip.y - 3.5), Point(tip.x - 7, tip.y + 3.5)]
    return (
        f'<polyline points="{_joined(line)}" fill="none" stroke="{_INK}"/>'
        f'<polygon points="{_joined(head)}" fill="{_INK}"/>'
    )


def _joined(points: Iterable[Point]) -> str:
    return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in points)


def group(kind: str, elements: Iterable[str]) -> str:
    """Return elements that belong together."""
    return "\n".join([f'<g class="{kind}">', *elements, "</g>"])


def document(title: str, width: float, height: float, elements: Iterable[str]) -> str:
    """Return a whole SVG file."""
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
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
