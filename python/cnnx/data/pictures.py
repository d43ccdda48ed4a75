"""Picture files, decoded by Pillow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import geometry
from cnnx.extras import import_extra
from cnnx.files import regular_file, replacing
from cnnx.registry import choice

__all__ = ["load_image"]

Pixels = NDArray[np.uint8]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")
CHANNELS = {"grayscale": 1, "rgb": 3}
BYTES_PER_PIXEL = 12  # while a picture is decoded, turned, converted and shrunk
_MODES = {"grayscale": "L", "rgb": "RGB"}
_GREY = ("1", "L", "LA")
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def load_image(
    path: str | os.PathLike[str],
    size: int | tuple[int, int] | None = None,
    color_mode: str = "rgb",
) -> Pixels:
    """Read one picture as `image_folder` does.

    It is turned upright as its EXIF data say, brought to 8 bits and to `color_mode` (transparency
    is dropped), and stretched to `size` by averaging the pixels that fall together. The pixels are
    those of `image_folder` with ``image_size=size``; a network takes the picture as a batch of one,
    ``model.predict(load_image(path, 100)[None])``.

    Parameters
    ----------
    path : path-like
        A file in one of the formats BMP, GIF, JPEG, PNG, PPM and WebP.
    size : int or tuple, optional
        Height and width of the result; by default the picture keeps its own.
    color_mode : str
        'rgb', or 'grayscale' for one channel.

    Returns
    -------
    ndarray
        Shape (height, width, 3 or 1), uint8.

    Raises
    ------
    OSError, ValueError
        The file is missing, cannot be read, is damaged, no picture, or too large: Pillow refuses
        pictures of more than 178,956,970 pixels.
    ImportError
        Pillow is not installed.
    """
    image_size = None if size is None else geometry.pair(size, "load_image: size")
    mode = choice(color_mode, "load_image: color_mode", *CHANNELS)
    try:
        return decode_picture(path, image_size, mode)
    except (OSError, ValueError) as error:
        where = "" if str(error).startswith(f"{path}: ") else f"{path}: "
        kind = type(error) if isinstance(error, OSError) else ValueError
        raise kind(f"load_image: {where}{error}") from error


def decode_picture(
    path: str | os.PathLike[str],
    image_size: tuple[int, int] | None,
    color_mode: str,
    max_pixels: int = sys.maxsize,
) -> Pixels:
    """Read a picture as `load_image` describes it.

    Parameters
    ----------
    path : path-like
        A file in one of the formats BMP, GIF, JPEG, PNG, PPM and WebP.
    image_size : tuple, optional
        (height, width) of the result; by default that of the picture.
    color_mode : str
        'grayscale' or 'rgb'.
    max_pixels : int
        Largest picture to decode; by default what Pillow allows.

    Returns
    -------
    ndarray
        Shape (height, width, 1 or 3), uint8.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, is damaged, no picture, or too large.
    """
    mode = _MODES[color_mode]
    with _opened(path) as image:
        # A JPEG is decoded at a fraction of its size where that is still large enough.
        image.draft(mode, None if image_size is None else (2 * max(image_size),) * 2)
        if image.width * image.height > max_pixels:
            raise ValueError(f"too large: {image.width} x {image.height} pixels")
        picture = _upright(image).convert(mode)
        if image_size is not None:
            picture = picture.resize(image_size[::-1], _pillow().Resampling.BILINEAR)
    return np.asarray(picture).reshape(picture.height, picture.width, CHANNELS[color_mode])


def read_picture(path: str | os.PathLike[str]) -> Pixels:
    """Read a picture as it is: upright, of 8 bits, without transparency.

    Parameters
    ----------
    path : path-like
        As for `decode_picture`.

    Returns
    -------
    ndarray
        Shape (height, width) if it is grey, else (height, width, 3), uint8.

    Raises
    ------
    OSError, ValueError
        As `decode_picture`.
    """
    with _opened(path) as image:
        upright = _upright(image)
        return np.asarray(upright.convert("L" if upright.mode in _GREY else "RGB"))


def write_picture(pixels: Pixels, path: str | os.PathLike[str]) -> None:
    """Write a picture (height, width) or (height, width, 1 or 3) in the format its name says.

    Raises
    ------
    ValueError
        For a name that says no format.
    OSError
        If it cannot be written; a file that was there is still whole.
    """
    pillow = _pillow()
    suffix = Path(path).suffix.lower()
    form = pillow.registered_extensions().get(suffix)
    if form not in FORMATS:
        raise ValueError(f"{path}: no picture's name ends in '{suffix}'. Use .png or .jpg.")
    grey = pixels.ndim == 3 and pixels.shape[2] == 1
    picture = pillow.fromarray(pixels[..., 0] if grey else pixels)
    with replacing(path) as file:
        picture.save(file, form)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a picture; whatever is wrong with it becomes an OSError or ValueError."""
    image_module = _pillow()
    with open(regular_file(path), "rb") as file:
        try:
            with image_module.open(file, formats=FORMATS) as image:
                yield image
        except image_module.UnidentifiedImageError as error:
            raise ValueError(f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture") from error
        except (
            image_module.DecompressionBombError,
            image_module.DecompressionBombWarning,  # where warnings are errors
        ) as error:
            raise ValueError(f"too large: {error}") from error
        except (SyntaxError, EOFError, IndexError, TypeError, KeyError) as error:
            # What Pillow's decoders raise, besides OSError and ValueError, on damaged files.
            raise ValueError(f"damaged: {error}") from error


def _pillow() -> Any:
    return import_extra("PIL.Image", "images", "reading and writing pictures")


def _upright(image: Any) -> Any:
    """Return a picture turned as its EXIF data say, with the upper 8 bits if it has 16.

    Transparent colours become colours like others.
    """
    image_ops = import_extra("PIL.ImageOps", "images", "reading pictures")
    image_ops.exif_transpose(image, in_place=True)
    image.info.pop("transparency", None)  # `convert` would warn of those in a palette
    return _eight_bits(image)


def _eight_bits(image: Any) -> Any:
    if image.mode not in _SIXTEEN_BITS:
        return image
    return _pillow().fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
