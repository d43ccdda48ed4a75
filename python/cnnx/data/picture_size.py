"""Pictures stretched to a size."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.data.picture_file import pillow

BAND = 1 << 18  # pixels of the result that are computed at a time
BAND_BYTES = 8  # that one of them takes

Box = tuple[float, float, float, float]  # left, top, right, bottom


def stretch(picture: Any, box: Box, out: Array) -> None:
    """Stretch what a box covers of a picture to the size of `out` by averaging pixels.

    The box may cover a part of the pixels at the picture's border, which then count by that part.

    Parameters
    ----------
    picture
        Pillow's image of mode L, RGB or F.
    box : tuple
        Left, top, right and bottom, in pixels.
    out : ndarray
        Receives the pixels, (height, width, channels).
    """
    left, top, right, bottom = box
    height, width = out.shape[:2]
    weights = None
    if not all(float(side).is_integer() for side in box):
        columns, rows = _covered(left, right, picture.width), _covered(top, bottom, picture.height)
        picture = _weighed(picture, columns, rows)
        weights = _line(rows[:, None]), _line(columns[None])
    step = max(1, BAND // width)
    for start in range(0, height, step):
        stop = min(start + step, height)
        upper, lower = (top + (bottom - top) * row / height for row in (start, stop))
        band = pixels_of(_resized(picture, (width, stop - start), (left, upper, right, lower)))
        if weights is not None:
            down = _resized(weights[0], (1, stop - start), (0, upper, 1, lower))
            across = _resized(weights[1], (width, 1), (left, 0, right, 1))
            covered = np.asarray(down) * np.asarray(across)
            band = np.rint(band / covered[..., None]).clip(0, 255)
        out[start:stop] = band


def pixels_of(picture: Any) -> Array:
    """Return a picture's pixels (height, width, channels)."""
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _resized(picture: Any, size: tuple[int, int], box: Box) -> Any:
    return picture.resize(size, pillow().Resampling.BILINEAR, box)


def _covered(low: float, high: float, extent: int) -> Float:
    """Return which part of each of `extent` pixels lies between `low` and `high`."""
    place = np.arange(extent)
    parts = np.minimum(place + 1, high) - np.maximum(place, low)
    return parts.clip(0, 1).astype(np.float32)


def _weighed(picture: Any, columns: Float, rows: Float) -> Any:
    """Return the picture with the pixels at its border times the part that is covered."""
    picture = picture.copy()
    last_column, last_row = picture.width - 1, picture.height - 1
    for part, box in (
        (columns[0], (0, 0, 1, last_row + 1)),
        (columns[-1], (last_column, 0, last_column + 1, last_row + 1)),
        (rows[0], (0, 0, last_column + 1, 1)),
        (rows[-1], (0, last_row, last_column + 1, last_row + 1)),
    ):
        if part < 1:
            table = [round(value * float(part)) for value in range(256)]
            border = picture.crop(box).point(table * len(picture.getbands()))
            picture.paste(border, box)
    return picture


def _line(parts: Float) -> Any:
    return pillow().fromarray(parts)
