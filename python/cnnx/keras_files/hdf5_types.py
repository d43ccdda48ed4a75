"""What the elements of an HDF5 array are, and how many there are."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

_FLOATS = {
    2: (0, 16, 10, 5, 0, 10, 15),
    4: (0, 32, 23, 8, 0, 23, 127),
    8: (0, 64, 52, 11, 0, 52, 1023),
}
"""By size: where sign, exponent and mantissa of the usual floating-point numbers lie."""
_CLASSES = {
    2: "times",
    4: "bit fields",
    5: "bytes without a meaning",
    6: "records",
    7: "references",
    8: "named values",
    9: "lists",
    10: "arrays",
}


class ElementType(NamedTuple):
    """
    What one element is.

    Attributes
    ----------
    size
        Its bytes in the file.
    number
        Its NumPy type; None for a text.
    elsewhere
        Whether its bytes are the address of a text.
    """

    size: int
    number: np.dtype[Any] | None = None
    elsewhere: bool = False


def element_type(message: memoryview) -> ElementType:
    """Return the type that a message describes; raises ValueError for one that is not read."""
    first, bits, size = struct.unpack_from("<BB2xI", message)
    kind = first & 15
    if not 0 < size <= 2**31:
        raise ValueError(f"an element has {size:,} bytes")
    order = ">" if bits & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8):
        offset, precision = struct.unpack_from("<HH", message, 8)
        if (offset, precision) == (0, 8 * size):
            return ElementType(size, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"))
    if kind == 1 and size in _FLOATS and not bits & 0x40:
        fields = struct.unpack_from("<HHBBBBI", message, 8)
        if fields == _FLOATS[size]:
            return ElementType(size, np.dtype(f"{order}f{size}"))
    if kind == 3:
        return ElementType(size)
    if kind == 9 and bits & 15 == 1 and size == 16:
        return ElementType(size, elsewhere=True)
    name = _CLASSES.get(kind, "numbers of an unusual kind")
    raise ValueError(f"an array holds {name}, not numbers or texts")


def extents(message: memoryview) -> tuple[int, ...]:
    """Return the shape that a message describes; raises ValueError for none."""
    version, rank, _, kind = struct.unpack_from("<BBBB", message)
    if version not in (1, 2) or rank > 32 or (version == 2 and kind == 2):
        raise ValueError(f"an array has {rank} axes in a layout that is not known")
    return struct.unpack_from(f"<{rank}Q", message, 8 if version == 1 else 4)


def fixed_texts(data: memoryview, size: int) -> list[str]:
    """Return the texts of a fixed size that stand one after the other."""
    return [
        bytes(data[begin : begin + size]).rstrip(b"\0 ").decode("utf-8")
        for begin in range(0, len(data), size)
    ]
