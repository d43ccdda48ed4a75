"""Picture files, opened and written by Pillow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cnnx.data.pillow_warnings import kept_warnings
from cnnx.extras import import_extra
from cnnx.files import regular_file, replaceable, replacing

Pixels = NDArray[np.uint8]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = frozenset(
    [
        ".apng",
        ".bmp",
        ".gif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pfm",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    ]
)
WRITTEN = {
    "BMP": (1, 3, 4),
    "GIF": (1, 3),
    "JPEG": (1, 3),
    "PNG": (1, 2, 3, 4),
    "PPM": (1, 3),
    "TIFF": (1, 2, 3, 4),
    "WEBP": (1, 3, 4),
}
"""Numbers of channels that each format holds."""
_SMALL = 1 << 18
"""Bytes of a file that is read at once; Pillow asks for many small parts."""


@contextmanager
def readable(
    path: str | os.PathLike[str] | BinaryIO,
) -> Iterator[tuple[BinaryIO, str | os.PathLike[str]]]:
    """Open a file, if it is not open already; yield it with its name."""
    if not isinstance(path, (str, os.PathLike)):
        yield path, "a file"
        return
    content = _small_content(regular_file(path))
    if content is not None:
        yield BytesIO(content), path
        return
    with open(path, "rb") as file:
        yield file, path


def _small_content(path: Path) -> bytes | None:
    """Return all bytes of a small file, in few calls: in each another thread may take over."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        size = os.fstat(descriptor).st_size
        content = os.read(descriptor, size) if size <= _SMALL else b""
    finally:
        os.close(descriptor)
    return content if len(content) == size else None


@contextmanager
def opened(file: BinaryIO, name: str | os.PathLike[str]) -> Iterator[tuple[Any, list[str]]]:
    """Open a picture; whatever is wrong with it becomes an OSError or ValueError.

    Parameters
    ----------
    file : file
        Open for reading.
    name : path-like
        Of the file.

    Yields
    ------
    tuple
        Pillow's image, and a list of what Pillow warns of.
    """
    image_module = pillow()
    file.seek(0)
    with kept_warnings(name) as warned:
        try:
            with image_module.open(file, formats=FORMATS) as image:
                yield image, warned
        except image_module.UnidentifiedImageError as error:
            raise ValueError(f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture") from error
        except (
            image_module.DecompressionBombError,
            image_module.DecompressionBombWarning,  # where warnings are errors
        ) as error:
            raise ValueError(f"too large: {error}") from error
        except (OSError, ValueError, MemoryError):
            raise
        except Exception as error:  # Pillow's decoders raise almost anything on odd files
            reason = str(error) or type(error).__name__
            raise ValueError(f"damaged: {reason}") from error


def is_picture(path: Path) -> bool:
    """Tell by its first bytes whether a file is a picture."""
    try:
        with readable(path) as (file, name), opened(file, name):
            return True
    except (OSError, ValueError):
        return False


def pillow() -> Any:
    """Return the module PIL.Image."""
    return import_extra("PIL.Image", "images", "reading and writing pictures")


def picture_format(path: str | os.PathLike[str], channels: int) -> str:
    """Return the format that a file's name says, after checking that a picture can be written.

    Parameters
    ----------
    path : path-like
        The file to make or to replace.
    channels : int
        Of the picture.

    Raises
    ------
    ValueError
        The name says no format, or one that does not hold so many channels.
    OSError
        The file cannot be made.
    """
    suffix = Path(path).suffix.lower()
    form: str | None = pillow().registered_extensions().get(suffix)
    if form not in FORMATS or suffix == ".pfm":
        raise ValueError(f"{path}: no picture's name ends in '{suffix}'. Use .png or .jpg.")
    if channels not in WRITTEN[form]:
        able = [f".{name.lower()}" for name in ("PNG", "JPEG") if channels in WRITTEN[name]]
        remedy = f"Use {able[0]}." if able else "Give 1 to 4 channels."
        raise ValueError(
            f"{path}: a picture of {channels} channels cannot be written as {form}. {remedy}"
        )
    replaceable(path)
    return form


def write_picture(pixels: Pixels, path: str | os.PathLike[str]) -> None:
    """Write a picture (height, width) or (height, width, channels) in the format its name says.

    Raises
    ------
    ValueError, OSError
        As `picture_format`, or the disk is full; a file that was there is still whole.
    """
    form = picture_format(path, 1 if pixels.ndim == 2 else pixels.shape[2])
    grey = pixels.ndim == 3 and pixels.shape[2] == 1
    picture = pillow().fromarray(pixels[..., 0] if grey else pixels)
    with replacing(path) as file:
        picture.save(file, form)
