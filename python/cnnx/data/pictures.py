"""Single pictures as arrays."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from cnnx.arrays import Array
from cnnx.data.findings import printable
from cnnx.data.picture_form import PictureForm
from cnnx.data.picture_reader import read_picture
from cnnx.warning import warn

__all__ = ["load_image"]


def load_image(
    path: str | os.PathLike[str],
    size: int | tuple[int, int] | None = None,
    color_mode: str = "rgb",
    *,
    dtype: Any = "uint8",
    background: int | tuple[int, int, int] | None = None,
) -> Array:
    """Read one picture as `image_folder` does.

    It is turned upright as its EXIF data say, brought to `color_mode`, and stretched to `size` by
    averaging the pixels that fall together. The pixels are those of `image_folder` with
    ``image_size=size``; a network takes the picture as a batch of one,
    ``model.predict(load_image(path, 100)[None])``. Of a file with several pages or frames the first
    is read.

    Parameters
    ----------
    path : path-like
        A file in one of the formats BMP, GIF, JPEG, PNG, PPM (with PGM, PBM and grey PFM), TIFF and
        WebP.
    size : int or tuple, optional
        Height and width of the result; by default the picture keeps its own.
    color_mode : str
        'rgb', or 'grayscale' for one channel.
    dtype : str
        'uint8': pixels from 0 to 255; 65,535 of 16 bits, or 1 of floats, becomes 255. 'float32':
        the file's own values, grey ones of 16 bits and floats as they are.
    background : int or tuple, optional
        The ground that is put behind transparent pictures: one number from 0 to 255, or red, green
        and blue. By default the transparency is dropped.

    Returns
    -------
    ndarray
        Shape (height, width, 3 or 1), of type `dtype`.

    Raises
    ------
    OSError, ValueError
        The file is missing, cannot be read, is damaged, no picture, or too large: Pillow refuses
        pictures of more than 178,956,970 pixels.
    ImportError
        Pillow is not installed.

    Warns
    -----
    UserWarning
        The pixels don't show what the file holds: values of more than 8 bits outside the range or
        in its darkest part, or a drawing that only its transparency shows. Or Pillow warns of the
        file.
    """
    form = PictureForm.checked("load_image", "size", size, color_mode, dtype, background)
    return read_one(path, form, "load_image")


def read_one(path: str | os.PathLike[str], form: PictureForm, owner: str) -> Array:
    """Return one picture; errors and warnings begin with `owner` and the path."""
    try:
        read = read_picture(path, form)
    except (OSError, ValueError) as error:
        where = "" if str(error).startswith(f"{path}: ") else f"{path}: "
        kind = type(error) if isinstance(error, OSError) else ValueError
        raise kind(f"{owner}: {where}{error}") from error
    for text in read.lost:
        warn(f"{owner}: {path}: {text}")
    if read.remarks:
        with suppress(UserWarning):  # where warnings are errors: the picture was read
            warn(f"{owner}: {path}: Pillow warns: {printable('; '.join(read.remarks))}")
    return read.pixels
