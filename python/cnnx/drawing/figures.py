"""The figures that stand for arrays: sheets for feature maps, columns of neurons for vectors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Protocol

from cnnx.drawing.svg import Point, circle, dot, rectangle

_LARGEST, _SMALLEST = 92.0, 12.0  # sides of sheets
_ACROSS, _UP = 4.0, 3.0  # from one sheet to the next
_NEURON, _SPACING = 3.4, 9.0
_BAR = 14.0, 60.0


class Figure(Protocol):
    """A part of a drawing that has a size and can be put anywhere."""

    @property
    def width(self) -> float:
        """Pixels across."""

    @property
    def height(self) -> float:
        """Pixels down."""

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
    """Feature maps, one behind the other: a sheet each for few, about log2 of them for many."""

    def __init__(self, height: float, width: float, channels: int, fill: str) -> None:
        self._sheet = height, width
        self._behind = min(channels - 1, round(math.log2(channels)))
        self._up = min(_UP, 0.9 * height / max(self._behind, 1))
        self._fill = fill

    @property
    def width(self) -> float:
        """Pixels across."""
        return self._sheet[1] + _ACROSS * self._behind

    @property
    def height(self) -> float:
        """Pixels down."""
        return self._sheet[0] + self._up * self._behind

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the sheets, from the back at the top right to the front."""
        height, width = self._sheet
        left, top = middle.x - self.width / 2, middle.y - self.height / 2
        for place in range(self._behind, -1, -1):
            down = self._up * (self._behind - place)
            yield rectangle(left + _ACROSS * place, top + down, width, height, self._fill)


class Neurons:
    """A vector as a column of neurons: all of up to ten, else the first and last of them."""

    def __init__(self, units: int, fill: str) -> None:
        self._places = units if units <= 10 else 10 + round(math.log2(units / 10) / 2)
        self._is_whole = units <= 10
        self._fill = fill

    @property
    def width(self) -> float:
        """Pixels across."""
        return 14

    @property
    def height(self) -> float:
        """Pixels down."""
        return _SPACING * self._places + 5

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the box, the neurons, and dots for those left out."""
        left, top = middle.x - self.width / 2, middle.y - self.height / 2
        yield rectangle(left, top, self.width, self.height, self._fill, radius=4)
        left_out = () if self._is_whole else range(self._places // 2 - 1, self._places // 2 + 1)
        for place in range(self._places):
            center = Point(middle.x, top + 2.5 + _SPACING * (place + 0.5))
            if place not in left_out:
                yield circle(center, _NEURON, "white")
        for third in (-1, 0, 1) if left_out else ():
            between = top + 2.5 + _SPACING * (self._places // 2)
            yield dot(Point(middle.x, between + 4.5 * third))


class Bar:
    """An operation that leaves sizes as they are: a narrow bar."""

    def __init__(self, fill: str) -> None:
        self._fill = fill

    @property
    def width(self) -> float:
        """Pixels across."""
        return _BAR[0]

    @property
    def height(self) -> float:
        """Pixels down."""
        return _BAR[1]

    def elements(self, middle: Point) -> Iterator[str]:
        """Yield the bar."""
        width, height = _BAR
        left, top = middle.x - width / 2, middle.y - height / 2
        yield rectangle(left, top, width, height, self._fill, radius=7)
