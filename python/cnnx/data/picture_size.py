"""Pictures stretched to a size."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import Array
from cnnx.data.picture_file import Pixels, pillow

BAND = 1 << 16  # pixels that are copied or computed at a time
BAND_BYTES = 8  # that one of them takes

Shape = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, right, bottom


def stretch(picture: Any, box: Box, out: Array) -> None:
    """Stretch what a box covers of a picture to the size of `out` by averaging pixels.

    The box may cover a part of the pixels at the picture's border, which then count by that part.

    Parameters
    ----------
    picture
        Pillow's image of mode L, RGB or F.
    box : tuple
        Left, top, right and bottom, in pixels; all of an image of mode F.
    out : ndarray
        Receives the pixels, (height, width, channels).
    """
    if picture.mode == "F":
        _stretch_floats(picture, out)
        return
    shape = picture.height, picture.width, 1 if picture.mode == "L" else 4
    stretch_bytes(_bands(picture, shape), shape, box, out)


def stretch_bytes(bands: Iterable[Pixels], shape: Shape, box: Box, out: Array) -> None:
    """Stretch as `stretch` does a picture that comes in bands of rows.

    Parameters
    ----------
    bands : iterable of ndarray
        (rows, width, 1), or (rows, width, 4): three colours and an unused fourth value.
    shape : tuple
        Height, width and 1 or 4, of all bands together.
    box, out
        As of `stretch`.
    """
    stretched = _core.PictureStretch(out, shape, box)
    for rows in bands:
        stretched.take(rows)


def pixels_of(picture: Any) -> Array:
    """Return a picture's pixels (height, width, channels)."""
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _bands(picture: Any, shape: Shape) -> Iterable[Pixels]:
    """Return the rows of a picture of bytes, where they lie if they can be read there."""
    with suppress(AttributeError, ValueError):  # before Pillow 11.2; images in several blocks
        return [_core.arrow_bytes(*picture.__arrow_c_array__()).reshape(shape)]
    step = max(1, BAND // picture.width)
    return (
        _copied(picture, top, step).reshape(-1, *shape[1:])
        for top in range(0, picture.height, step)
    )


def _copied(picture: Any, top: int, count: int) -> Pixels:
    rows = picture.crop((0, top, picture.width, min(top + count, picture.height)))
    return np.frombuffer(rows.tobytes("raw", "L" if rows.mode == "L" else "RGBX"), np.uint8)


def _stretch_floats(picture: Any, out: Array) -> None:
    height, width = out.shape[:2]
    step = max(1, BAND // width)
    for start in range(0, height, step):
        stop = min(start + step, height)
        upper, lower = (picture.height * row / height for row in (start, stop))
        band = (0, upper, picture.width, lower)
        resized = picture.resize((width, stop - start), pillow().Resampling.BILINEAR, band)
        out[start:stop] = pixels_of(resized)
