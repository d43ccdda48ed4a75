"""Pictures between files, Pillow and arrays, as Keras' helpers turn them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cnnx.arrays import as_float32
from cnnx.extras import import_extra
from cnnx.files import replacing
from cnnx.geometry import pair
from cnnx.registry import choice
from cnnx.warning import warn

_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
_FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
_OF_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


def load_img(
    path: str | os.PathLike[str] | BinaryIO,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """
    Return the picture of a file as an image of Pillow (`pip install "cnnx[images]"`).

    `cnnx.data.load_image` returns an array, turned upright, resized as image_folder does it.

    Parameters
    ----------
    path
        The file, or what it holds as a file open for reading, such as an `io.BytesIO`.
    color_mode
        'rgb', 'rgba', or 'grayscale', which keeps grey pictures of 16 or 32 bits as they are.
    target_size
        (height, width) in pixels; None for its own size.
    interpolation
        'nearest', 'bilinear', 'bicubic', 'lanczos', 'box' or 'hamming'.
    keep_aspect_ratio
        Whether to cut off what is too wide or too high, on both sides alike, before resizing.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, or is no picture.
    """
    from cnnx.data.picture_file import opened, readable  # its package is imported where it is used

    modes = _MODES[choice(color_mode, "load_img: color_mode", *_MODES)]
    resample = choice(interpolation, "load_img: interpolation", *_FILTERS)
    size = None if target_size is None else pair(target_size, "load_img: target_size")
    try:
        with readable(path) as (file, name), opened(file, name) as (found, _):
            found.load()
            image = found.copy() if found.mode in modes else found.convert(modes[0])
    except ValueError as error:
        raise ValueError(f"load_img: {path}: {error}") from None
    if size is None or image.size == (size[1], size[0]):
        return image
    box = _middle(image.size, size) if keep_aspect_ratio else None
    return image.resize((size[1], size[0]), _pillow().Resampling[resample.upper()], box=box)


def _middle(found: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest part of a picture (width, height) of the form of a size, in its middle."""
    (width, height), (rows, columns) = found, size
    part_height = min(height, width * rows // columns)
    part_width = min(width, height * columns // rows)
    top, left = (height - part_height) // 2, (width - part_width) // 2
    return left, top, left + part_width, top + part_height


def img_to_array(
    img: Any, data_format: str | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """
    Return an image of Pillow as an array (height, width, channels) of its numbers.

    Parameters
    ----------
    img
        The image, or an array (height, width) or (height, width, channels).
    data_format
        'channels_last' or None; or 'channels_first' for (channels, height, width).
    dtype
        Of the array; float32 by default.
    """
    array = np.array(img, np.float32 if dtype is None else dtype)
    if array.ndim not in (2, 3):
        raise ValueError(f"img_to_array: img must have 2 or 3 axes, got shape {array.shape}")
    array = array[..., None] if array.ndim == 2 else array
    return np.moveaxis(array, -1, 0) if _channels_first(data_format, "img_to_array") else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: DTypeLike | None = None
) -> Any:
    """
    Return an array as an image of Pillow (`pip install "cnnx[images]"`).

    Parameters
    ----------
    x
        Array (height, width, channels) with 1, 3 or 4 channels.
    data_format
        As for `img_to_array`.
    scale
        Whether the least number becomes 0 and the largest 255. Otherwise fractions are cut off, and
        a picture of one channel with a number above 255 gets 32 bits.
    dtype
        For Keras' sake alone: numbers are read as float32.

    Raises
    ------
    ValueError
        For another shape, or numbers that do not fit.
    """
    array = as_float32(x, "array_to_img: x")
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(
            f"array_to_img: x must be one picture (height, width, channels), got {array.shape}"
        )
    if _channels_first(data_format, "array_to_img"):
        array = np.moveaxis(array, 0, -1)
    if array.shape[2] not in _OF_CHANNELS:
        raise ValueError(f"array_to_img: x must have 1, 3 or 4 channels, got {array.shape[2]}")
    if not np.isfinite(array).all():
        raise ValueError("array_to_img: x must be finite; look for NaN in it")
    if scale:
        array = array - array.min()
        array /= array.max() or 1
        array *= 255
    deep = array.shape[2] == 1 and array.max() > 255
    if array.min() < 0 or (array.max() >= 256 and not deep) or array.max() >= 2**31:
        raise ValueError(
            f"array_to_img: x holds {array.min():g} to {array.max():g}, and pixels are 0 to 255; "
            "leave scale=True, or clip them"
        )
    pixels = array.astype(np.int32 if deep else np.uint8)
    return _pillow().fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def save_img(
    path: str | os.PathLike[str] | BinaryIO,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """
    Write an array as a picture file, whole or not at all (`pip install "cnnx[images]"`).

    Parameters
    ----------
    path
        The file to make or to replace, or a file open for writing.
    x, data_format, scale
        As for `array_to_img`.
    file_format
        'png', 'jpeg', ...; by default what the name ends in.
    **kwargs
        For `PIL.Image.Image.save`, such as quality=90.

    Warns
    -----
    UserWarning
        If a channel of transparency is left out, as JPEG has none.
    """
    image = array_to_img(x, data_format, scale)
    name = path if isinstance(path, (str, os.PathLike)) else None
    form = file_format
    if form is None and name is not None:
        form = Path(name).suffix[1:]
    if not form:
        raise ValueError(f"save_img: {path!r} says no format; give file_format='png'")
    form = {"JPG": "JPEG", "TIF": "TIFF"}.get(form.upper(), form.upper())
    _pillow().init()
    if form not in _pillow().SAVE:
        raise ValueError(f"save_img: Pillow writes no {form!r}; take 'png' or 'jpeg'")
    if image.mode == "RGBA" and form == "JPEG":
        warn("save_img: JPEG has no transparency; the fourth channel is left out")
        image = image.convert("RGB")
    if name is None:
        image.save(path, form, **kwargs)
        return
    with replacing(name) as file:
        image.save(file, form, **kwargs)


def _pillow() -> Any:
    return import_extra("PIL.Image", "images", "reading and writing pictures")


def _channels_first(data_format: str | None, owner: str) -> bool:
    if data_format is None:
        return False
    name = f"{owner}: data_format"
    return choice(data_format, name, "channels_last", "channels_first") == "channels_first"
