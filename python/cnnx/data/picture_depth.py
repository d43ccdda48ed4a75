"""Pictures whose pixels hold more than 8 bits: whole numbers of 16 or 32 bits, and floats."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cnnx.data.picture_file import pillow

_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_DARK = 4  # pixels below this part of the range are dark
_BRIGHT_SHARE = 0.001  # a picture with fewer others is noted; sensors have faulty pixels
_ROWS = 256


def is_deep(image: Any) -> bool:
    """Tell whether Pillow holds more than 8 bits of each grey value."""
    return image.mode == "F" or image.mode in _SIXTEEN_BITS


def deep_bands(image: Any) -> bool:
    """Tell, before it is decoded, whether a file holds 16 bits of colours that become 8."""
    if is_deep(image) or not image.tile:
        return False
    return re.search(";16[BLN]", str(image.tile[0][3])) is not None  # such as "RGB;16B"


def as_float32(image: Any) -> Any:
    """Return a deep image with its own values as floats."""
    return image if image.mode == "F" else pillow().fromarray(np.asarray(image, np.float32))


def as_eight_bits(image: Any, notes: list[str]) -> Any:
    """Return a deep image as grey values of 8 bits: 65,535, or 1 of floats, becomes 255.

    What lies outside is cut off. If anything does, or if the picture becomes dark, `notes` gets a
    text that says so. A value that stands for transparency becomes an alpha channel.
    """
    white = 1 if image.mode == "F" else 65535
    values = np.asarray(image)
    low, high, spoilt, bright = np.inf, -np.inf, False, 0
    grey = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        rows = values[start : start + _ROWS]
        if image.mode == "F":
            finite = np.isfinite(rows)
            spoilt |= not finite.all()
            rows = np.where(finite, rows, 0)
            scaled = np.rint(rows * np.float32(255))
        else:
            scaled = rows >> 8
        low, high = min(low, float(rows.min())), max(high, float(rows.max()))
        bright += int(np.count_nonzero(rows >= white / _DARK))
        grey[start : start + _ROWS] = scaled.clip(0, 255)
    reach = f"values from {low:g} to {high:g}"
    if spoilt or low < 0 or high > white:
        notes.append(
            f"{reach}{', NaN or infinity' if spoilt else ''}; 0 to {white:,} become 0 to 255 and "
            "the rest is cut off; dtype='float32' keeps all"
        )
    elif high > 0 and bright < _BRIGHT_SHARE * values.size:
        notes.append(
            f"{reach} of {white:,} become 0 to {grey.max()}, most of them below {256 // _DARK}; "
            "dtype='float32' keeps all"
        )
    picture = pillow().fromarray(grey)
    if isinstance(clear := image.info.get("transparency"), int):
        picture.putalpha(pillow().fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return picture


def note_dark_colours(image: Any, notes: list[str]) -> None:
    """Note that colours of 16 bits, of which Pillow reads the upper 8, have become dark."""
    bands = np.reshape(image.histogram(), (-1, 256))[: -1 if image.mode in ("LA", "RGBA") else None]
    brightest = int(np.flatnonzero(bands.any(axis=0)).max(initial=0))
    if brightest and bands[:, 256 // _DARK :].sum() < _BRIGHT_SHARE * bands.sum():
        notes.append(
            f"of 16 bits a colour Pillow reads the upper 8, which reach {brightest} of 255 and are "
            f"mostly below {256 // _DARK}; scale the values in the file"
        )
