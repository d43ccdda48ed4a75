"""What a file of another program is, told by how it begins or by its name."""

import io
import os
import zipfile
from pathlib import Path

__all__ = ["is_of_keras", "kind_of", "members", "refuse_suffix"]

MAX_TABLE = 4 << 20
"""Bytes of the table of an archive's files."""
_LONGEST = 64
_HDF5 = "an HDF5 file, such as Keras writes (.h5)"
_KERAS = "a model of Keras (.keras)"
_BEGINNINGS = {
    b"version https://git-lfs": "a pointer of Git LFS, which `git lfs pull` replaces by the file",
    b"\x89hdf": _HDF5,
    b"\x80\x02": "a pickle, such as PyTorch writes",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x93numpy": "an array of NumPy (.npy)",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
"""In small letters."""
_MEMBERS = {
    "config.json": _KERAS,
    "data.pkl": "a file of PyTorch (.pt)",
    "constants.pkl": "a program of PyTorch (TorchScript)",
}
"""What lies in archives, by the last part of its name."""
_SUFFIXES = {
    ".keras": "Keras",
    ".h5": "Keras",
    ".hdf5": "Keras",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".onnx": "ONNX",
    ".npz": "NumPy",
    ".pb": "TensorFlow",
    ".pickle": "pickles",
    ".pkl": "pickles",
    ".tflite": "TensorFlow Lite",
}


def kind_of(path: Path) -> str | None:
    """Return what a file is that cnnx did not write, in words; None if that cannot be told."""
    with open(path, "rb") as file:
        beginning = file.read(_LONGEST)
    if beginning.startswith(b"PK\x03\x04"):
        return _archive(path)
    small = beginning.lstrip().lower()
    for start, kind in _BEGINNINGS.items():
        if small.startswith(start):
            return kind
    # Protocol buffers of ONNX: field 1, the version of the format; then the producer or the graph.
    if len(beginning) > 3 and beginning[0] == 0x08 and beginning[2] in (0x12, 0x1A, 0x22, 0x3A):
        return "a model of ONNX"
    return None


def is_of_keras(path: Path) -> bool:
    """Return whether a file is one that Keras writes: an archive with a model, or HDF5."""
    return kind_of(path) in (_HDF5, _KERAS)


def _archive(path: Path) -> str:
    try:
        names = {entry.filename.rpartition("/")[2] for entry in members(path)}
    except (OSError, ValueError):
        names = set()
    found = next((kind for name, kind in _MEMBERS.items() if name in names), None)
    return found or "a zip archive, such as Keras (.keras) and PyTorch (.pt) write"


def members(path: Path) -> list[zipfile.ZipInfo]:
    """Return the files in an archive; raises ValueError if it is damaged."""
    try:
        with _Table(os.fspath(path)) as file, zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no whole zip archive: {error}") from error


class _Table(io.FileIO):
    """A file that is read in parts of bounded size: `zipfile` reads a table at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_TABLE:
            raise ValueError(f"the table of what it holds has {size:,} bytes")
        return super().read(size) or b""


def refuse_suffix(path: str | os.PathLike[str], operation: str) -> None:
    """Raise ValueError for a name that stands for another program's files."""
    suffix = Path(path).suffix.lower()
    if suffix in _SUFFIXES:
        raise ValueError(
            f"{operation}: {path}: cnnx writes safetensors, but {suffix} is the ending of files of "
            f"{_SUFFIXES[suffix]}; name it {Path(path).with_suffix('.safetensors').name}"
        )
