"""The files that cnnx writes: safetensors with a description as JSON in the metadata."""

import json
import math
import mmap
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from cnnx import distributed
from cnnx.arrays import Array, Float
from cnnx.file_kind import kind_of
from cnnx.files import regular_file, replacing

__all__ = ["Tensors", "naming_faults", "reading_tensors", "write_tensors"]

FORMAT = 1
METADATA = "cnnx"
MAX_HEADER = 2 << 20
"""Bytes of a stranger's header, which holds the description and the tensors' names and shapes."""
INVALID = (
    AttributeError,
    KeyError,
    OverflowError,
    RecursionError,
    SafetensorError,
    TypeError,
    ValueError,
)
"""What a file that is damaged or made to deceive raises on its way to what it should hold."""


class Tensors:
    """The tensors of an open file, each read once and only if it is what was expected."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.names = set(file.keys())

    def take(self, name: str, shape: tuple[int, ...], dtype: str = "F32") -> Array:
        """Return a tensor; raises ValueError if it is missing or of another shape or type."""
        if name not in self.names:
            raise ValueError(f"the tensor {name} is missing")
        found = self._file.get_slice(name)
        if (tuple(found.get_shape()), found.get_dtype()) != (shape, dtype):
            raise ValueError(
                f"the tensor {name} is {found.get_dtype()} of shape {tuple(found.get_shape())}, "
                f"but the model needs {dtype} of shape {shape}"
            )
        return self.take_any(name)

    def take_row(self, name: str, dtype: str, limit: int) -> Array:
        """Return a tensor of one axis; raises ValueError if it is longer or something else."""
        if name not in self.names:
            raise ValueError(f"the tensor {name} is missing")
        shape = self._file.get_slice(name).get_shape()
        return self.take(name, (min(math.prod(shape), limit),), dtype)

    def take_any(self, name: str) -> Array:
        """Return a tensor as it is."""
        self.names.remove(name)
        array: Array = self._file.get_tensor(name)
        return array

    def leave(self, names: Collection[str]) -> None:
        """Let tensors stay in the file."""
        self.names.difference_update(names)

    def weight(self, name: str, shape: tuple[int, ...]) -> Float:
        """Return the values of a weight."""
        return self.take(name, shape)


class MappedTensors(Tensors):
    """
    The tensors of an open file where they lie in it, mapped into memory.

    Processes that map a file share its pages in memory. A page that is written to becomes the
    writer's own, and the file stays as it is. Tensors that are not of float32, or do not lie at a
    multiple of four bytes, are read.
    """

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file)
        with open(path, "rb") as content:
            size = _header_size(content.read(8))
            self._entries: dict[str, Any] = json.loads(content.read(size))
            self._start = 8 + size
            self._map = mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_COPY)

    def take_any(self, name: str) -> Array:
        """Return a tensor as it is."""
        entry = self._entries[name]
        offset = self._start + entry["data_offsets"][0]
        if entry["dtype"] != "F32" or offset % 4:
            return super().take_any(name)
        self.names.remove(name)
        count = math.prod(entry["shape"])
        return np.frombuffer(self._map, np.float32, count, offset).reshape(entry["shape"])


def check_overwrite(path: str | os.PathLike[str], overwrite: bool, owner: str) -> None:
    """Raise FileExistsError if a file exists that must not be replaced; on the rank that writes."""
    if not overwrite and distributed.group().rank == 0 and os.path.lexists(path):
        raise FileExistsError(
            f"{owner}: {path} exists; choose another name, or replace it by overwrite=True"
        )


def write_tensors(
    path: str | os.PathLike[str],
    tensors: dict[str, Array],
    description: Mapping[str, Any],
    trusted: bool = False,
) -> None:
    """
    Write a file atomically; in a group of processes, rank 0 alone writes it.

    Parameters
    ----------
    path
        The file to make or to replace.
    tensors
        By name.
    description
        What is written as JSON.
    trusted
        Whether only those who wrote it will read it: it may then be of any size and hold NaN.

    Raises
    ------
    ValueError
        `reading_tensors` would not read it.
    OSError
        The file can't be written.
    """
    try:
        text = json.dumps(description, allow_nan=trusted)
    except ValueError as error:
        raise ValueError(
            f"{path}: cannot save settings of NaN or infinity. Give Constant finite values, or set "
            "the weights with set_weights()."
        ) from error
    content = safetensors.numpy.save(tensors, {METADATA: text})
    header = _header_size(content)
    if header > MAX_HEADER and not trusted:
        raise ValueError(
            f"{path}: cannot save a description of {header:,} bytes: at most {MAX_HEADER:,} could "
            "be loaded. Set large weights with set_weights() instead of Constant."
        )
    if distributed.group().rank == 0:
        with replacing(path) as file:
            file.write(content)


@contextmanager
def reading_tensors(
    path: str | os.PathLike[str],
    fault: str,
    remedy: str,
    trusted: bool = False,
    mapped: bool = False,
) -> Iterator[tuple[dict[str, Any], Tensors]]:
    """
    Open a file; yield its description and its tensors.

    Parameters
    ----------
    path
        The file.
    fault, remedy
        What the ValueError says that takes the place of whatever reading the file raises.
    trusted
        As it was written.
    mapped
        Whether the tensors lie in a map of the file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not what the block takes it for.
    """
    path = regular_file(path)
    with naming_faults(path, fault, remedy, trusted):
        if not trusted:
            _check_header(path)
        with safe_open(path, framework="numpy") as file:
            tensors = MappedTensors(file, path) if mapped else Tensors(file)
            yield _read_description(file.metadata() or {}, trusted), tensors


@contextmanager
def naming_faults(
    path: str | os.PathLike[str], fault: str, remedy: str, trusted: bool = False
) -> Iterator[None]:
    """Raise a ValueError, as `reading_tensors` does, for whatever a file's contents lead to."""
    try:
        yield
    except INVALID as error:
        reason = str(error).rstrip(".") or type(error).__name__
        if not trusted:
            reason = reason[:500]  # it may quote the file
        raise ValueError(f"{path}: {fault}: {reason}. {remedy}") from error


def _header_size(content: bytes) -> int:
    """Return what the first eight bytes of a safetensors file say."""
    return int.from_bytes(content[:8], "little")


def _check_header(path: Path) -> None:
    """Raise ValueError for a header that would take more memory to read than any model's."""
    with open(path, "rb") as file:
        header = _header_size(file.read(8))
        if header > MAX_HEADER:
            kind = kind_of(path)
            if kind is not None:
                raise ValueError(f"it is {kind}, not a file that cnnx saved")
            raise ValueError(f"its header has {header:,} bytes, more than {MAX_HEADER:,}")
        described = 8 + header + _length_of_tensors(file.read(header))
    size = path.stat().st_size
    if size > described > 8 + header:  # mapping it may take more memory than there is
        raise ValueError(f"it has {size:,} bytes, but its header describes {described:,}")


def _length_of_tensors(header: bytes) -> int:
    """Return where the last tensor ends; 0 if that cannot be told."""
    try:
        entries = json.loads(header)
        ends = [
            entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"
        ]
        return int(max(ends, default=0))
    except INVALID:
        return 0


def _read_description(metadata: dict[str, str], trusted: bool) -> dict[str, Any]:
    if METADATA not in metadata:
        raise ValueError("it was not saved by cnnx")
    description: dict[str, Any] = json.loads(
        metadata[METADATA],
        object_pairs_hook=_fields,
        parse_constant=float if trusted else _no_number,
    )
    if description["format"] != FORMAT:
        raise ValueError(
            f"it has format {description['format']!r}, this version of cnnx reads {FORMAT}"
        )
    return description


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError(f"a field stands there twice: {', '.join(name for name, _ in pairs)}")
    return fields


def _no_number(literal: str) -> Any:
    raise ValueError(f"{literal} is no number that a description may hold")
