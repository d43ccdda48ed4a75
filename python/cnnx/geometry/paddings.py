"""Zeros around images and sequences."""

from typing import Any, TypeAlias

from cnnx.geometry.numbers import Extents, Pair, extents, pair

Padding: TypeAlias = str | tuple[Pair, ...]
"""'valid', 'same', 'full', 'causal', or zeros before and after each axis."""
PADDINGS = ("valid", "same", "full")
SEQUENCE_PADDINGS = (*PADDINGS, "causal")


def padding(value: Any, name: str, rank: int = 2, words: tuple[str, ...] = PADDINGS) -> Padding:
    """
    Return padding in its normal form.

    Parameters
    ----------
    value
        'valid' (none), 'same' or 'full' in any letter case; a whole number for all sides; of
        images, (height, width) for both sides of each axis or ((top, bottom), (left, right)); of
        sequences, (before, after).
    name
        What to call it in errors.
    rank
        2 for images, 1 for sequences.
    words
        Those that are allowed.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if isinstance(value, str):
        if value.lower() not in words:
            raise ValueError(
                f"{name} must be {', '.join(map(repr, words))}, a whole number or pairs of them, "
                f"got {value!r}"
            )
        return value.lower()
    return sides(value, name, rank)


def sides(value: Any, name: str, rank: int = 2) -> tuple[Pair, ...]:
    """
    Return numbers of pixels before and after each axis: ((top, bottom), (left, right)).

    Parameters
    ----------
    value
        A whole number for all sides; of images (height, width) for both sides of each axis, or
        ((top, bottom), (left, right)); of sequences (before, after).
    name
        What to call it in errors.
    rank
        Number of axes.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if isinstance(value, (tuple, list)):
        if any(isinstance(v, (tuple, list)) for v in value):
            if len(value) != rank:
                form = "((top, bottom), (left, right))" if rank == 2 else "(before, after)"
                raise ValueError(f"{name} must be {form}, got {value!r}")
            return tuple(pair(both, name, minimum=0) for both in value)
        if rank == 1:
            return (pair(value, name, minimum=0),)
    return tuple((zeros, zeros) for zeros in extents(value, name, rank, minimum=0))


def zeros_around(padding: Padding, axis: int, extent: int) -> Pair:
    """Return how many zeros lie before and after an axis."""
    if not isinstance(padding, str):
        return padding[axis]
    reach = extent - 1
    return {"valid": (0, 0), "full": (reach, reach), "causal": (reach, 0)}[padding]


def padding_config(padding: Padding) -> str | list[list[int]]:
    """Return the normal form of `padding` as JSON-serialisable values."""
    return padding if isinstance(padding, str) else [list(side) for side in padding]


def check_pool_padding(owner: str, pool_size: Extents, padding: Padding) -> None:
    """Raise ValueError if a pooling window could lie in the padding alone."""
    if padding == "full":
        raise ValueError(
            f"{owner}: padding='full' is for convolutions; pooling takes 'valid', 'same' or fewer "
            f"zeros than pool_size={pool_size}"
        )
    if not isinstance(padding, str) and any(
        max(sides) >= extent for sides, extent in zip(padding, pool_size, strict=True)
    ):
        raise ValueError(f"{owner}: padding={padding} must be less than pool_size={pool_size}")
