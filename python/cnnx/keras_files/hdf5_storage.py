"""Where the elements of an HDF5 array lie: in one place, or cut into chunks that may be packed."""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from cnnx.arrays import Array
from cnnx.keras_files.hdf5_bytes import UNDEFINED, Hdf5Bytes

DEFLATE, SHUFFLE, CHECKSUM = 1, 2, 3
_NAMES = {4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf", 32001: "blosc"}


class Stored(NamedTuple):
    """
    An array in the file.

    Attributes
    ----------
    shape, kind
        Extents and NumPy type.
    layout
        The message that says where it lies.
    filters
        Numbers of what its chunks were packed with, in this order.
    """

    shape: tuple[int, ...]
    kind: np.dtype[Any]
    layout: memoryview
    filters: list[int]

    @property
    def size(self) -> int:
        """Bytes of all elements."""
        return math.prod(self.shape) * self.kind.itemsize


def filters_of(message: memoryview) -> list[int]:
    """Return the numbers of the filters; raises ValueError for one that is not known."""
    version, count = message[0], message[1]
    place, found = (8 if version == 1 else 2), []
    for _ in range(count):
        (number,) = struct.unpack_from("<H", message, place)
        named = version == 1 or number >= 256
        length = struct.unpack_from("<H", message, place + 2)[0] if named else 0
        place += 4 if named else 2
        (values,) = struct.unpack_from("<2xH", message, place)
        place += 4 + (-length % 8 if version == 1 else 0) + length + 4 * values
        place += 4 * (values % 2) if version == 1 else 0
        if number not in (DEFLATE, SHUFFLE, CHECKSUM):
            raise ValueError(f"an array is packed with {_NAMES.get(number, number)}, not gzip")
        found.append(number)
    return found


def read(source: Hdf5Bytes, stored: Stored) -> Array:
    """Return the elements; raises ValueError if they are not all there."""
    version, kind = struct.unpack_from("<BB", stored.layout)
    if version != 3:
        raise ValueError(f"an array has a layout of version {version}, which is not read")
    source.spend(max(stored.size, 4 * math.prod(stored.shape)))  # they become float32
    if kind == 0:
        (size,) = struct.unpack_from("<H", stored.layout, 2)
        return _whole(stored.layout[4 : 4 + size], stored)
    if kind == 1:
        address, size = struct.unpack_from("<QQ", stored.layout, 2)
        if stored.size and address == UNDEFINED:
            raise ValueError(f"an array of shape {stored.shape} has no values")
        return _whole(source.take(address, min(size, stored.size)) if stored.size else b"", stored)
    if kind == 2:
        return _joined(source, stored)
    raise ValueError("an array lies in other files")


def _whole(data: memoryview | bytes, stored: Stored) -> Array:
    if len(data) < stored.size:
        raise ValueError(f"an array of shape {stored.shape} has {len(data):,} bytes")
    return np.frombuffer(data[: stored.size], stored.kind).reshape(stored.shape)


def _joined(source: Hdf5Bytes, stored: Stored) -> Array:
    rank = len(stored.shape)
    number, address, *chunk = struct.unpack_from(f"<BQ{rank}I", stored.layout, 2)
    if number != rank + 1 or any(
        not 0 < part <= extent for part, extent in zip(chunk, stored.shape, strict=True)
    ):
        raise ValueError(f"an array of shape {stored.shape} lies in chunks of shape {tuple(chunk)}")
    whole = np.empty(stored.shape, stored.kind)
    steps = [range(0, extent, part) for extent, part in zip(stored.shape, chunk, strict=True)]
    missing = math.prod(map(len, steps))
    seen: set[tuple[int, ...]] = set()
    for begin, size, mask, place in _chunks(source, address, rank):
        if begin in seen or any(one not in step for one, step in zip(begin, steps, strict=True)):
            raise ValueError(f"a chunk begins at {begin}, where none may begin")
        seen.add(begin)
        data = _unpacked(source.take(place, size), stored, mask, math.prod(chunk))
        part = np.frombuffer(data, stored.kind).reshape(chunk)
        inside = [
            slice(0, min(length, extent - first))
            for first, length, extent in zip(begin, chunk, stored.shape, strict=True)
        ]
        target = tuple(
            slice(first, first + length) for first, length in zip(begin, chunk, strict=True)
        )
        whole[target] = part[tuple(inside)]
    if len(seen) < missing:
        raise ValueError(f"an array has {len(seen):,} of {missing:,} chunks")
    return whole


def _chunks(
    source: Hdf5Bytes, root: int, rank: int
) -> Iterator[tuple[tuple[int, ...], int, int, int]]:
    """Yield where each chunk begins, its bytes, the filters left out, and its address."""
    waiting, seen = [root], set()
    key = 8 + 8 * (rank + 1)
    while waiting:
        address = waiting.pop()
        if address == UNDEFINED or address in seen:
            raise ValueError("the table of an array's chunks is damaged")
        seen.add(address)
        source.expect(b"TREE\x01", address)
        level, used = source.unpack("<BH", address + 5)
        for place in itertools.islice(itertools.count(address + 24, key + 8), used):
            source.step()
            size, mask, *begin, _ = source.unpack(f"<II{rank + 1}Q", place)
            (child,) = source.unpack("<Q", place + key)
            if level:
                waiting.append(child)
            else:
                yield tuple(begin), size, mask, child


def _unpacked(data: memoryview, stored: Stored, mask: int, count: int) -> bytes | memoryview:
    """Return the elements of one chunk."""
    size = count * stored.kind.itemsize
    found: bytes | memoryview = data
    for place in reversed(range(len(stored.filters))):
        if mask >> place & 1:
            continue
        if stored.filters[place] == CHECKSUM:
            found = found[:-4]
        elif stored.filters[place] == DEFLATE:
            try:
                found = zlib.decompressobj().decompress(found, size + 4)
            except zlib.error as error:
                raise ValueError(f"a chunk cannot be unpacked: {error}") from error
        else:
            whole = len(found) - len(found) % stored.kind.itemsize
            planes = np.frombuffer(found[:whole], np.uint8).reshape(stored.kind.itemsize, -1)
            found = planes.T.tobytes()
    if len(found) != size:
        raise ValueError(f"a chunk has {len(found):,} bytes, not {size:,}")
    return found
