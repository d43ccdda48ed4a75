"""IDX files, the format of MNIST: a typed array behind a header of big-endian sizes.

The header is two zero bytes, a byte for the type, a byte for the number of axes, and one unsigned
32-bit size an axis; the elements follow in C order, big-endian. Described by Y. LeCun, C. Cortes
and C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnx.files import regular_file, replacing
from cnnx.geometry import MAX_RANK

__all__ = ["read_idx", "write_idx"]

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
TYPE_CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = 1 << 30) -> NDArray[Any]:
    """Read the array of an IDX file, plain or compressed with gzip.

    Compression is told from the content, not from the name. No more is read or inflated than
    the header announces.

    Parameters
    ----------
    path : path-like
        The file.
    max_bytes : int, default 2**30
        Largest array to accept, in bytes.

    Returns
    -------
    ndarray
        Of the file's shape and type (uint8, int8, int16, int32, float32 or float64), in the
        machine's own byte order.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is no IDX file, is damaged, or announces more than `max_bytes`.
    """
    path = regular_file(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        if not compressed:
            return _read_array(file, path, max_bytes)
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                return _read_array(stream, path, max_bytes)
        except EOFError as error:
            raise ValueError(
                f"{path}: the gzip data is cut short. Fetch the file again."
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            message = f"{path}: the gzip data is damaged ({error}). Fetch the file again."
            raise ValueError(message) from error


def write_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write an array as an IDX file, compressed with gzip if the name ends in ``.gz``.

    The file is written atomically: an existing one stays as it was if writing fails. The
    same array gives the same bytes.

    Parameters
    ----------
    path : path-like
        The file to make or to replace.
    array : array-like
        Of one or more axes and of type uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    TypeError
        IDX has no code for the array's type.
    ValueError
        The array has no axis, or an axis of 2**32 or more.
    """
    path = Path(path)
    array = np.asarray(array)
    stored = array.dtype.newbyteorder(">")
    if stored not in TYPE_CODES:
        raise TypeError(
            f"{path}: IDX cannot hold {array.dtype}. Convert the array with .astype() to one of "
            "uint8, int8, int16, int32, float32, float64."
        )
    if not 1 <= array.ndim <= MAX_RANK or max(array.shape) >= 1 << 32:
        raise ValueError(
            f"{path}: IDX cannot hold the shape {array.shape}. Give 1 to {MAX_RANK} axes, each "
            "shorter than 2**32."
        )
    header = bytes([0, 0, TYPE_CODES[stored], array.ndim])
    header += np.array(array.shape, ">u4").tobytes()
    elements = np.ascontiguousarray(array, stored).reshape(-1).view(np.uint8).data
    with replacing(path) as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as stream:
                stream.write(header)
                stream.write(elements)
        else:
            file.write(header)
            file.write(elements)


def _read_array(stream: BinaryIO | gzip.GzipFile, path: Path, max_bytes: int) -> NDArray[Any]:
    dtype, shape = _read_header(stream, path)
    # Empty axes count as one: they must not hide sizes that no array could have.
    announced = dtype.itemsize * math.prod(max(size, 1) for size in shape)
    if announced > max_bytes:
        raise ValueError(
            f"{path}: the header announces shape {shape}, {announced:,} bytes, more than "
            f"max_bytes={max_bytes:,}. If the file can be trusted, call read_idx with a larger "
            "max_bytes."
        )
    array = np.empty(shape, dtype)
    elements = array.reshape(-1).view(np.uint8)
    filled = 0
    while filled < elements.size:
        piece = stream.read(min(CHUNK, elements.size - filled))
        if not piece:
            raise ValueError(
                f"{path}: truncated: the header announces shape {shape}, {elements.size:,} bytes, "
                f"but {filled:,} follow. Fetch the file again."
            )
        elements[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    # Reading past the end also has gzip compare its checksum.
    if stream.read(1):
        raise ValueError(
            f"{path}: more data follows the {elements.size:,} bytes of shape {shape} that the "
            "header announces. Fetch the file again."
        )
    return (
        array if array.dtype.isnative else array.byteswap(inplace=True).view(dtype.newbyteorder())
    )


def _read_header(
    stream: BinaryIO | gzip.GzipFile, path: Path
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise ValueError(f"{path}: not an IDX file: {len(magic)} bytes long. Fetch it again.")
    if magic.lstrip().startswith(b"<"):
        raise ValueError(
            f"{path}: not an IDX file but a web page or XML (it starts with {magic!r}); a download "
            "may have saved an error page. Fetch the file again."
        )
    if magic[:2] != b"\0\0":
        raise ValueError(
            f"{path}: not an IDX file: it starts with {magic!r}, where IDX has two zero bytes. "
            "Name an IDX file."
        )
    code, rank = magic[2:]
    if code not in DTYPES:
        known = ", ".join(f"0x{known:02X}" for known in DTYPES)
        raise ValueError(
            f"{path}: unknown IDX type code 0x{code:02X}; IDX has {known}. Fetch the file again or "
            "write it with write_idx."
        )
    if not 1 <= rank <= MAX_RANK:
        raise ValueError(
            f"{path}: the header announces {rank} axes, but 1 to {MAX_RANK} can be read. Fetch the "
            "file again or write it with write_idx."
        )
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise ValueError(
            f"{path}: truncated in the header, which announces {rank} axes. Fetch the file again."
        )
    return np.dtype(DTYPES[code]), tuple(np.frombuffer(sizes, ">u4").tolist())
