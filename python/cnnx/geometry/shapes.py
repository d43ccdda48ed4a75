"""Shapes of arrays, their axes, and how large they may be."""

import math
from collections.abc import Sequence
from typing import Any

from cnnx.geometry.numbers import integer

MAX_RANK = 32
"""Axes of an array, batch included, that every supported NumPy can hold."""
MOST_PIXELS = 2**40
_MOST_ELEMENTS = 2**59  # of float64: 2**62 bytes


def check_rank(shape: tuple[Any, ...] | list[Any], name: str) -> None:
    """Raise ValueError if the shape of one sample has more axes than an array can have."""
    if len(shape) >= MAX_RANK:
        raise ValueError(f"{name} must have fewer than {MAX_RANK} extents, got {len(shape):,}")


def integers(value: Any, name: str, *, minimum: int = 1) -> tuple[int, ...]:
    """Return a whole number or several as a tuple without repetition; raises as `integer` does."""
    numbers = value if isinstance(value, (tuple, list)) else [value]
    check_rank(numbers, name)
    result = tuple(integer(item, name, minimum=minimum) for item in numbers)
    if len(set(result)) < len(result):
        raise ValueError(f"{name} must not name one twice, got {result}")
    return result


def sample_axes(axes: Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    """Return axes of samples, counted from the front, of an array with so many axes."""
    found = sorted(axis % rank for axis in axes if -rank <= axis < rank)
    if len(set(found)) < len(axes) or 0 in found:
        raise ValueError(
            f"{name}={tuple(axes)} must name axes of samples, 1 to {rank - 1} or -{rank - 1} to -1 "
            f"for an input with {rank} axes, each once"
        )
    return tuple(found)


def sample_shape(value: Any, name: str) -> tuple[int, ...]:
    """Return the shape of one sample, without the batch, as a tuple of positive ints."""
    if isinstance(value, (tuple, list)) and None in value:
        raise ValueError(
            f"{name} must give every extent of one sample, without the batch, got {tuple(value)}"
        )
    return open_shape(value, name)


def open_shape(value: Any, name: str) -> tuple[Any, ...]:
    """Return the shape of one sample as a tuple of positive ints, None for sizes left open."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be a tuple such as (28, 28, 1), got {value!r}")
    check_rank(value, name)
    return tuple(extent if extent is None else integer(extent, name) for extent in value)


def is_open(shape: Sequence[int | None]) -> bool:
    """Return whether the shape of a batch, which comes first, leaves a size of samples open."""
    return None in shape[1:]


def fits(shape: Sequence[int | None], expected: Sequence[int | None]) -> bool:
    """Return whether a shape is one that is expected; None there is any extent."""
    return len(shape) == len(expected) and all(
        wanted is None or extent == wanted for extent, wanted in zip(shape, expected, strict=True)
    )


def common_extent(extents: Sequence[int | None]) -> int | None:
    """
    Return the extent that those of several arrays have together: 1 is repeated along the others.

    One left open is that of the others, if one of them is known and not 1.

    Raises
    ------
    ValueError
        If they differ.
    """
    found = set(extents) - {1}
    known = found - {None}
    if len(known) > 1:
        raise ValueError
    return next(iter(known or found), 1)


def common_shape(shapes: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
    """Return the shape of several arrays of one rank together; raises as `common_extent`."""
    if len({len(shape) for shape in shapes}) > 1:
        raise ValueError
    return tuple(map(common_extent, zip(*shapes, strict=True)))


def check_pixels(extents: Sequence[int | None], what: str) -> None:
    """Raise ValueError, which begins with `what`, if an output has too many pixels."""
    if math.prod(extent or 1 for extent in extents) >= MOST_PIXELS:
        size = "x".join(map(str, extents))
        raise ValueError(f"{what} {size} pixels, which is too big for any memory")


def check_elements(shape: Sequence[int | None], what: str) -> None:
    """Raise ValueError, which begins with `what`, if one array of a shape fits into no memory."""
    if math.prod(extent or 1 for extent in shape) > _MOST_ELEMENTS:
        raise ValueError(f"{what} of shape {tuple(shape)} is too large for any memory")
