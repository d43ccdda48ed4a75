"""Filtering pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cnnx.arrays import Array, real_array
from cnnx.data.picture_file import picture_format, write_picture
from cnnx.data.picture_form import PictureForm
from cnnx.data.pictures import read_one
from cnnx.filters.catalogue import get
from cnnx.filters.separable import separable
from cnnx.ops import convolve2d
from cnnx.registry import choice


def apply(
    image: Any,
    filter: Any,
    padding: str = "same",
    clip: bool = True,
    out: str | Path | None = None,
) -> Array:
    """
    Return the true convolution of an image, each colour by itself, with a filter.

    Separable filters take two passes.

    Parameters
    ----------
    image
        (height, width) or (height, width, channels) of whole numbers or floats, or the path of a
        picture file, grey or colour.
    filter
        Name or kernel.
    padding
        'same' (zeros around the image, the result is as large), 'valid' (none), or 'full' (the
        kernel counts wherever it touches the image). A kernel of even size has no middle: 'same'
        takes the element below and to the right of the centre for it, as `scipy.ndimage.convolve`
        does, so the odd row and column of zeros lie at the bottom and right of the image.
    clip
        Whether to cut the result off at 0 and 255, the range of pixels.
    out
        Path of a picture file to write the result to; needs `clip`.

    Returns
    -------
    float32, or uint8 (rounded) where the image is and `clip` is set.

    Raises
    ------
    ValueError
        For anything but an image, a damaged file, an unknown filter or padding, or an `out` whose
        name says no format, or one that does not hold so many channels.
    OSError
        If `out` cannot be written; a file that was there is still whole.
    ImportError
        If a file is to be read or written and Pillow is not installed.
    """
    if out is not None and not clip:
        raise ValueError("filters.apply: pixels of a picture are in 0 to 255; out needs clip=True")
    pixels = _pixels(image)
    if out is not None:
        picture_format(out, 1 if pixels.ndim == 2 else pixels.shape[2])
    kernel = get(filter)
    mode = choice(padding, "filters.apply: padding", "valid", "same", "full")
    factors = separable(kernel)
    passes = [kernel] if factors is None else [factors[0][:, None], factors[1][None]]
    result: Array = pixels
    for part in passes:
        result = convolve2d(result, part, mode=mode)
    if clip:
        result = np.clip(result, 0, 255)
        if pixels.dtype == np.uint8:
            result = np.rint(result).astype(np.uint8)
    if out is not None:
        write_picture(np.rint(result).astype(np.uint8), out)
    return result


def _pixels(image: Any) -> Array:
    if isinstance(image, (str, Path)):
        read = read_one(image, PictureForm(), "filters.apply")
        return read[..., 0] if read.shape[2] == 1 else read
    pixels = real_array(image, "filters.apply: image")
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise ValueError(
            "filters.apply: image must be (height, width) or (height, width, channels), "
            f"got shape {pixels.shape}"
        )
    return pixels
