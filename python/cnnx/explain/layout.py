"""Numbers, sums and matrices as aligned text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from cnnx.arrays import Double

WIDTH = 100  # columns


def number(value: float) -> str:
    """Return at most four decimals."""
    return f"{round(value, 4) + 0.0:.12g}"  # + 0.0 makes -0 a 0


def factor(value: float) -> str:
    """Return 2, or (-2)."""
    return f"({number(value)})" if value < 0 else number(value)


def index(*indices: int) -> str:
    """Return [1,2] for 0 and 1: the books count from 1."""
    return f"[{','.join(str(place + 1) for place in indices)}]"


def element(name: str, array: Double, *place: int) -> str:
    """Return dx[1,2], or dx[1,2,3] if the third axis of the array has more than one element."""
    rest = zip(place[2:], array.shape[2:], strict=True)
    return name + index(*place[:2], *(at for at, extent in rest if extent > 1))


def signed_sum(values: Sequence[float] | Double) -> str:
    """Return 2 + 3 - 1."""
    signs = (f" {'-' if value < 0 else '+'} {number(abs(value))}" for value in values[1:])
    return number(values[0]) + "".join(signs)


def equation(left: str, right: str) -> list[str]:
    """Return `left = right` in as many lines as it needs."""
    indent = " " * len(f"  {left} = ")
    return textwrap.wrap(
        f"  {left} = {right}", WIDTH, subsequent_indent=indent, break_on_hyphens=False
    )


def grid(matrix: Double) -> list[str]:
    """Return the rows of a matrix with their columns aligned."""
    texts = [[number(value) for value in row] for row in matrix]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in texts
    ]


def titled(title: str, volume: Double, axis: str = "channel") -> list[str]:
    """Return an image under its title, channel after channel, or filter after filter."""
    lines = []
    for c in range(volume.shape[2]):
        place = "" if volume.shape[2] == 1 else f", {axis} {c + 1}"
        lines += [title + place, *(f"  {row}" for row in grid(volume[..., c])), ""]
    return lines


def beside(blocks: Sequence[list[str]], signs: str) -> list[str]:
    """Return blocks of equal height side by side, with a sign between in the middle row."""
    middle = len(blocks[0]) // 2
    rows = []
    for place, first in enumerate(blocks[0]):
        row = first.ljust(max(map(len, blocks[0])))
        for block, sign in zip(blocks[1:], signs, strict=True):
            between = sign if place == middle else " "
            row += f"   {between}   {block[place].ljust(max(map(len, block)))}"
        rows.append(row.rstrip())
    return rows


def shelves(blocks: Iterable[list[str]]) -> list[str]:
    """Return blocks of equal height in rows of as many as fit, an empty line after each row."""
    lines: list[str] = []
    shelf: list[list[str]] = []
    for block in blocks:
        if shelf and max(map(len, beside([*shelf, block], " " * len(shelf)))) > WIDTH - 2:
            lines += [*beside(shelf, " " * (len(shelf) - 1)), ""]
            shelf = []
        shelf.append(block)
    return [f"  {line}".rstrip() for line in [*lines, *beside(shelf, " " * (len(shelf) - 1)), ""]]
