"""The figures that stand for arrays: sheets for feature maps, columns of neurons for vectors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Protocol

from cnnx.drawing.svg import Point, circle, dot, rectangle, text

_LARGEST, _SMALLEST = 92.0, 12.0  # sides of sheets
_ACROSS, _UP = 4.0, 3.0  # from one sheet to the next
_NARROW = 14.0  # width of columns and bars
_NEURON, _SPACING, _RIM = 3.4, 9.0, 2.5  # radius, from one to the next, to the column's ends


class Figure(Protocol):
    """A part of a drawing that has a size and can be put anywhere."""

    width: float
    height: float

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the figure's elements around a point."""


class Scale:
    """
    How long a number of pixels is drawn: as a power of it that keeps the least readable.

    Parameters
    ----------
    extents
        All heights and widths of the network's images.
    """

    def __init__(self, extents: Iterable[int]) -> None:
        given = list(extents) or [1]
        self._greatest = max(given)
        ratio = self._greatest / min(given)
        room = math.log(_LARGEST / _SMALLEST)
        self._power = min(0.6, room / math.log(ratio)) if ratio > 1 else 1.0

    def __call__(self, extent: int) -> float:
        """Return the drawn length."""
        return _LARGEST * math.pow(extent / self._greatest, self._power)


class Sheets:
    """
    Feature maps, one behind the other: a sheet each for few, about log2 of them for many.

    Parameters
    ----------
    height, width
        Drawn size of a sheet.
    channels
        Number of feature maps.
    fill
        Colour.
    """

    def __init__(self, height: float, width: float, channels: int, fill: str) -> None:
        self._sheet = width, height
        self._behind = min(channels - 1, round(math.log2(channels)))
        self._up = min(_UP, 0.9 * height / max(self._behind, 1))
        self._fill = fill
        self.width = width + _ACROSS * self._behind
        self.height = height + self._up * self._behind

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the sheets, from the back at the top right to the front."""
        left, top = middle.x - self.width / 2, middle.y - self.height / 2
        for place in range(self._behind, -1, -1):
            down = self._up * (self._behind - place)
            yield rectangle(left + _ACROSS * place, top + down, *self._sheet, self._fill)


class Neurons:
    """A vector as a column of neurons: all of up to ten, else the first and last of them."""

    def __init__(self, units: int, fill: str) -> None:
        self._is_whole = units <= 10
        self._places = units if self._is_whole else 10 + round(math.log2(units / 10) / 2)
        self._fill = fill
        self.width = _NARROW
        self.height = _SPACING * self._places + 2 * _RIM

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the box, the neurons, and three dots in the place of two of them for the rest."""
        left, top = middle.x - self.width / 2, middle.y - self.height / 2
        yield rectangle(left, top, self.width, self.height, self._fill, radius=4)
        half = self._places // 2
        for place in range(self._places):
            if self._is_whole or place not in (half - 1, half):
                center = top + _RIM + _SPACING * (place + 0.5)
                yield circle(Point(middle.x, center), _NEURON, "white")
        if not self._is_whole:
            between = top + _RIM + _SPACING * half
            for step in (-1, 0, 1):
                yield dot(Point(middle.x, between + step * _SPACING / 2))


class Bar:
    """An operation that leaves sizes as they are: a narrow bar."""

    width = _NARROW
    height = 60.0

    def __init__(self, fill: str) -> None:
        self._fill = fill

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the bar."""
        left, top = middle.x - self.width / 2, middle.y - self.height / 2
        yield rectangle(left, top, self.width, self.height, self._fill, radius=7)


class Junction:
    """Arrays that are merged element by element: a circle with the sign of the operation."""

    width = height = 28.0

    def __init__(self, sign: str, fill: str) -> None:
        self._sign = sign
        self._fill = fill

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the circle and the sign."""
        yield circle(middle, self.width / 2, self._fill)
        yield text(self._sign, middle.x, middle.y + 4)
