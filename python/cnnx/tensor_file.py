"""The files that cnnx writes: safetensors with a description as JSON in the metadata."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import safetensors.numpy
from safetensors import SafetensorError, safe_open

from cnnx.arrays import Array, Float
from cnnx.files import regular_file, replacing

__all__ = ["Tensors", "reading_tensors", "write_tensors"]

FORMAT = 1
METADATA = "cnnx"
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

    def take_any(self, name: str) -> Array:
        """Return a tensor as it is."""
        self.names.remove(name)
        array: Array = self._file.get_tensor(name)
        return array

    def weight(self, name: str, shape: tuple[int, ...]) -> Float:
        """Return the values of a weight."""
        return self.take(name, shape)


def write_tensors(
    path: str | os.PathLike[str], tensors: dict[str, Array], description: Mapping[str, Any]
) -> None:
    """Write a file, which appears whole or not at all; raises OSError if that fails."""
    content = safetensors.numpy.save(tensors, {METADATA: json.dumps(description)})
    with replacing(path) as file:
        file.write(content)


@contextmanager
def reading_tensors(
    path: str | os.PathLike[str], fault: str, remedy: str
) -> Iterator[tuple[dict[str, Any], Tensors]]:
    """
    Open a file; yield its description and its tensors.

    Parameters
    ----------
    path
        The file.
    fault, remedy
        What the ValueError says that takes the place of whatever reading the file raises.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not what the block takes it for.
    """
    path = regular_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            yield _read_description(file.metadata() or {}), Tensors(file)
    except INVALID as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path}: {fault}: {reason}. {remedy}") from error


def _read_description(metadata: dict[str, str]) -> dict[str, Any]:
    if METADATA not in metadata:
        raise ValueError("it was not saved by cnnx")
    description: dict[str, Any] = json.loads(metadata[METADATA])
    if description["format"] != FORMAT:
        raise ValueError(
            f"it has format {description['format']!r}, this version of cnnx reads {FORMAT}"
        )
    return description
