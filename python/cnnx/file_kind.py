"""What a file of another program is, told by how it begins or by its name."""

import os
import zipfile
from pathlib import Path

__all__ = ["kind_of", "refuse_suffix"]

_LONGEST = 64
_BEGINNINGS = {
    b"version https://git-lfs": "a pointer of Git LFS, which `git lfs pull` replaces by the file",
    b"\x89hdf": "an HDF5 file, such as Keras writes (.h5)",
    b"\x80\x02": "a pickle, such as PyTorch writes",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x93numpy": "an array of NumPy (.npy)",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
"""In small letters."""
_MEMBERS = {
    "config.json": "a model of Keras (.keras)",
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


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        names = set()
    found = next((kind for name, kind in _MEMBERS.items() if name in names), None)
    return found or "a zip archive, such as Keras (.keras) and PyTorch (.pt) write"


def refuse_suffix(path: str | os.PathLike[str], operation: str) -> None:
    """Raise ValueError for a name that stands for another program's files."""
    suffix = Path(path).suffix.lower()
    if suffix in _SUFFIXES:
        raise ValueError(
            f"{operation}: {path}: cnnx writes safetensors, and whoever reads {suffix} looks for a "
            f"file of {_SUFFIXES[suffix]}; name it {Path(path).with_suffix('.safetensors').name}"
        )
