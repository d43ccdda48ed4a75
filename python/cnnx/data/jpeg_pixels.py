"""Small JPEG files, decoded by simplejpeg where it is installed.

Pillow reads headers in Python, which takes as long as decoding a small picture, and which one
thread does at a time. simplejpeg hands a file to the same library, libjpeg-turbo, and gives the
same pixels. Whatever needs more than that is left to Pillow: it turns pictures upright, converts
inks, decodes fractions of large pictures, and says what is wrong with damaged files.
"""

from __future__ import annotations

import importlib
from functools import cache
from io import BytesIO
from typing import Any, BinaryIO

from cnnx.data.picture_file import Pixels, pillow

_BEGIN = b"\xff\xd8\xff"
_SCAN = b"\xff\xda"  # ends the header
_READ_BY_PILLOW = (b"Exif\0", b"MPF\0")  # segments: the orientation; several pictures in one file
_MOST_PIXELS = 1 << 17  # their decoding takes 2 MB, which no budget counts


def jpeg_pixels(file: BinaryIO, grey: bool, fraction_from: int) -> Pixels | None:
    """Return a picture's pixels: one grey value each, or three colours and an unused fourth value.

    Parameters
    ----------
    file : file
        Open for reading; files in memory alone are decoded here.
    grey : bool
        Whether colours become grey.
    fraction_from : int
        A picture whose sides are at least so long is left to Pillow, which decodes a fraction.

    Returns
    -------
    ndarray or None
        Shape (height, width, 1) or (height, width, 4); None if Pillow must read the file.
    """
    jpeg = _simplejpeg()
    if jpeg is None or not isinstance(file, BytesIO):
        return None
    data = file.getvalue()
    header = data[: data.find(_SCAN)]
    if not header.startswith(_BEGIN) or any(segment in header for segment in _READ_BY_PILLOW):
        return None
    try:
        height, width, colours, _ = jpeg.decode_jpeg_header(data)
        most = min(_MOST_PIXELS, pillow().MAX_IMAGE_PIXELS or _MOST_PIXELS)
        if colours not in ("Gray", "YCbCr") or height * width > most:
            return None
        if min(height, width) >= fraction_from:
            return None
        pixels: Pixels = jpeg.decode_jpeg(data, "GRAY" if grey or colours == "Gray" else "RGBX")
    except ValueError:  # damaged, or of a kind that libjpeg-turbo does not decode
        return None
    return pixels


@cache
def _simplejpeg() -> Any:
    """Return the module, or None if it is not installed."""
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None
