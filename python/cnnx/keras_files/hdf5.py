"""
A reader of HDF5 files as Keras writes them: groups, attributes and arrays.

It stands here because the library of that name ends or hangs the process on damaged files. It reads
the layout that h5py writes unless told otherwise (that of HDF5 1.6: symbol tables, object headers
of version 1), follows no link, and reads nothing but what is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cnnx.arrays import Array
from cnnx.keras_files.hdf5_bytes import UNDEFINED, Hdf5Bytes
from cnnx.keras_files.hdf5_storage import Stored, filters_of, read
from cnnx.keras_files.hdf5_types import element_type, extents, fixed_texts
from cnnx.keras_files.sizes import Budget

MAGIC = b"\x89HDF\r\n\x1a\n"
_SPACE, _TYPE, _EXTERNAL, _LAYOUT, _FILTERS = 0x01, 0x03, 0x07, 0x08, 0x0B
_ATTRIBUTE, _CONTINUED, _TABLE, _MANY_ATTRIBUTES = 0x0C, 0x10, 0x11, 0x15
_LINKS = (0x02, 0x06)
"""Messages of a group in the newer layout, which alone may hold links out of the file."""
_LINKED = 2
"""Of an entry of a group that is a soft link."""
NEWER = (
    "it is written in a newer layout of HDF5 than Keras uses; open it with h5py, copy it into "
    "h5py.File(path, 'w', libver='earliest'), and load that"
)


class Message(NamedTuple):
    """One fact about an object: what it is about, how it is stored, and its bytes."""

    kind: int
    flags: int
    data: memoryview


class Node:
    """
    A group or an array of the file.

    Parameters
    ----------
    source
        The file's bytes.
    address
        Of its header.
    path
        Its name, for errors.
    """

    def __init__(self, source: Hdf5Bytes, address: int, path: str) -> None:
        self._source = source
        self.path = path
        self._messages = _messages(source, address)
        self._children: dict[str, int | None] | None = None

    def _message(self, kind: int) -> memoryview | None:
        for message in self._messages:
            if message.kind == kind:
                if message.flags & 2:
                    raise ValueError(f"{self.path or 'it'} shares a type with other arrays")
                return message.data
        return None

    @property
    def is_group(self) -> bool:
        """Whether there may be others in it."""
        return self._message(_TABLE) is not None

    # As a group.

    def names(self) -> list[str]:
        """Return the names of what is in it, sorted."""
        return list(self._entries())

    def __contains__(self, name: str) -> bool:
        return name in self._entries()

    def child(self, name: str) -> Node:
        """Return what bears a name; raises ValueError if there is none, or it is a link."""
        entries = self._entries()
        path = f"{self.path}/{name}" if self.path else name
        if name not in entries:
            raise ValueError(f"it has no {path}")
        address = entries[name]
        if address is None:
            raise ValueError(f"{path} is a link to somewhere else, which is not followed")
        return Node(self._source, address, path)

    def find(self, path: str) -> Node | None:
        """Return what lies at a path, or None."""
        node = self
        for name in path.split("/"):
            if not node.is_group or name not in node:
                return None
            node = node.child(name)
        return node

    def _entries(self) -> dict[str, int | None]:
        if self._children is None:
            table = self._message(_TABLE)
            if table is None:
                links = any(message.kind in _LINKS for message in self._messages)
                raise ValueError(f"{self.path or 'it'}: {NEWER if links else 'this is no group'}")
            self._children = _entries(self._source, *struct.unpack_from("<QQ", table))
        return self._children

    # As an array.

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the array."""
        return self._stored().shape

    def array(self) -> Array:
        """Return the numbers as a new array of float32."""
        return np.array(read(self._source, self._stored()), np.float32)

    def _stored(self) -> Stored:
        space, kind, layout = (self._message(part) for part in (_SPACE, _TYPE, _LAYOUT))
        if space is None or kind is None or layout is None:
            raise ValueError(f"{self.path} is no array")
        if self._message(_EXTERNAL) is not None:
            raise ValueError(f"{self.path} lies in another file, which is not opened")
        element = element_type(kind)
        if element.number is None:
            raise ValueError(f"{self.path} holds texts, not numbers")
        filters = self._message(_FILTERS)
        return Stored(
            extents(space), element.number, layout, [] if filters is None else filters_of(filters)
        )

    # Its attributes.

    def text(self, name: str) -> str | None:
        """Return the text of an attribute, or None if there is none."""
        found = self.texts(name)
        if found is not None and len(found) != 1:
            raise ValueError(f"its attribute {name} has {len(found)} texts")
        return None if found is None else found[0]

    def texts(self, name: str) -> list[str] | None:
        """Return the texts of an attribute, or None if there is none."""
        for message in self._messages:
            if message.kind == _MANY_ATTRIBUTES:
                raise ValueError(NEWER)
            if message.kind != _ATTRIBUTE:
                continue
            label, kind, space, data = _attribute(message.data)
            if label != name.encode():
                continue
            count = int(np.prod(extents(space), dtype=object))
            if not count:
                return []
            element = element_type(kind)
            if element.number is not None or count * element.size > len(data):
                raise ValueError(f"its attribute {name} holds no texts")
            data = data[: count * element.size]
            if element.elsewhere:
                return [_heap_text(self._source, data, 16 * place) for place in range(count)]
            self._source.spend(len(data))
            return fixed_texts(data, element.size)
        return None

    def split_texts(self, name: str) -> list[str] | None:
        """Return the texts of an attribute that may be cut into several: name0, name1, ...."""
        found = self.texts(name)
        if found is not None:
            return found
        parts: list[str] = []
        number = 0
        while (part := self.texts(f"{name}{number}")) is not None:
            parts += part
            number += 1
        return parts if number else None


def open_hdf5(content: memoryview, budget: Budget) -> Node:
    """
    Return the outermost group of a file.

    Parameters
    ----------
    content
        All its bytes.
    budget
        Of memory.

    Raises
    ------
    ValueError
        If it is cut short, or written in a layout that is not read.
    """
    source = Hdf5Bytes(content, budget)
    source.expect(MAGIC, 0)
    version, offsets, lengths = source.unpack("<B4xBB", 8)
    if version > 1:
        raise ValueError(NEWER)
    after = 24 if version == 0 else 28
    base, _, end = source.unpack("<QQQ", after)
    if (offsets, lengths, base) != (8, 8, 0):
        raise ValueError("its addresses have another size than those of Keras' files")
    if end > len(content):
        raise ValueError(f"it is cut short: it should have {end:,} bytes, it has {len(content):,}")
    (address,) = source.unpack("<Q", after + 40)
    return Node(source, address, "")


def _messages(source: Hdf5Bytes, address: int) -> list[Message]:
    version, left, length = source.unpack("<BxH4xI", address)
    if version != 1:
        raise ValueError(NEWER)
    blocks, found = [(address + 16, length)], []
    for begin, size in blocks:
        place, end = begin, begin + size
        while place + 8 <= end and left:
            source.step()
            kind, count, flags = source.unpack("<HHB", place)
            data = source.take(place + 8, count)
            if kind == _CONTINUED:
                blocks.append(struct.unpack_from("<QQ", data))
            else:
                found.append(Message(kind, flags, data))
            place += 8 + count
            left -= 1
    return found


def _entries(source: Hdf5Bytes, root: int, heap: int) -> dict[str, int | None]:
    """Return the addresses of what is in a group; None for a link."""
    source.expect(b"HEAP", heap)
    size, _, begin = source.unpack("<QQQ", heap + 8)
    names = source.take(begin, size)
    waiting, seen = [root], set()
    found: dict[str, int | None] = {}
    while waiting:
        address = waiting.pop()
        if address == UNDEFINED or address in seen:
            raise ValueError("the table of a group is damaged")
        seen.add(address)
        if bytes(source.take(address, 4)) != b"SNOD":
            source.expect(b"TREE\0", address)
            (used,) = source.unpack("<H", address + 6)
            children = source.unpack("<" + "8xQ" * used, address + 24)
            waiting += reversed(children)
            continue
        (used,) = source.unpack("<H", address + 6)
        for place in range(address + 8, address + 8 + 40 * used, 40):
            source.step()
            name, header, kind = source.unpack("<QQI", place)
            found[_name(names, name)] = None if kind == _LINKED else header
    return found


def _name(names: memoryview, begin: int) -> str:
    text, end, _ = bytes(names[begin : begin + 4096]).partition(b"\0")
    if not text or not end or b"/" in text:
        raise ValueError("a name in a group is damaged")
    return text.decode("utf-8")


def _attribute(data: memoryview) -> tuple[bytes, memoryview, memoryview, memoryview]:
    """Return the name, the type, the shape and the elements of an attribute."""
    version, flags, *sizes = struct.unpack_from("<BBHHH", data)
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise ValueError("an attribute has a layout that is not read")
    place, parts = (9 if version == 3 else 8), []
    for size in sizes:
        parts.append(data[place : place + size])
        place += size + (-size % 8 if version == 1 else 0)
    name, kind, space = parts
    return bytes(name).rstrip(b"\0"), kind, space, data[place:]


def _heap_text(source: Hdf5Bytes, data: memoryview, place: int) -> str:
    """Return the text that an element of an attribute points to."""
    length, address, number = struct.unpack_from("<IQI", data, place)
    if not length:
        return ""
    if address not in source.texts:
        source.texts[address] = dict(_collection(source, address))
    begin, size = source.texts[address].get(number, (0, 0))
    if size < length:
        raise ValueError("a text of an attribute is missing")
    source.spend(length)
    return bytes(source.take(begin, length)).rstrip(b"\0").decode("utf-8")


def _collection(source: Hdf5Bytes, address: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the number, the place and the size of each text of a collection."""
    source.expect(b"GCOL", address)
    (size,) = source.unpack("<Q", address + 8)
    begin, end = address + 16, address + size
    while begin + 16 <= end:
        source.step()
        number, count = source.unpack("<H6xQ", begin)
        if not number:
            return
        yield number, (begin + 16, count)
        begin += 16 + count + -count % 8
