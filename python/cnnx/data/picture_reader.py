"""One picture file, decoded, turned upright and brought to a form."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from cnnx.arrays import Array
from cnnx.data.jpeg_pixels import jpeg_pixels
from cnnx.data.picture_depth import (
    as_eight_bits,
    as_float32,
    deep_bands,
    is_deep,
    note_dark_colours,
)
from cnnx.data.picture_file import Pixels, opened, pillow, readable
from cnnx.data.picture_form import PictureForm
from cnnx.data.picture_ground import grounded
from cnnx.data.picture_size import BAND, BAND_BYTES, Box, pixels_of, stretch, stretch_bytes
from cnnx.data.webp_header import HEADER_BYTES, WebPHeader, webp_header

_GREY = ("1", "L", "LA", "La")
_MODES = {"grayscale": "L", "rgb": "RGB"}

# What a pixel takes at most while it is decoded, turned and converted. WebP's decoder holds three
# copies of the picture, besides the file; TIFF's a tile, which may be larger than the picture.
_BYTES, _BYTES_DEEP, _BYTES_WEBP, _BYTES_GROUND, _BYTES_TILE = 12, 20, 20, 5, 8

_ALL = 1 << 16  # no side of a JPEG is so long

_TILE_WIDTH, _TILE_LENGTH = 322, 323  # tags of TIFF

# Orientation in EXIF data: the name of Pillow's turn; whether it exchanges the axes, and whether it
# then mirrors left and right, and above and below.
_TURNS = {
    2: ("FLIP_LEFT_RIGHT", False, True, False),
    3: ("ROTATE_180", False, True, True),
    4: ("FLIP_TOP_BOTTOM", False, False, True),
    5: ("TRANSPOSE", True, False, False),
    6: ("ROTATE_270", True, True, False),
    7: ("TRANSVERSE", True, True, True),
    8: ("ROTATE_90", True, False, True),
}


class ReadPicture(NamedTuple):
    """A picture, and what is to be said of it.

    Attributes
    ----------
    pixels : ndarray
        Shape (height, width, channels).
    lost : list of str
        What the pixels don't show of the file's values.
    remarks : list of str
        What Pillow warns of.
    """

    pixels: Array
    lost: list[str]
    remarks: list[str]


def read_picture(
    path: str | os.PathLike[str],
    form: PictureForm,
    take_memory: Callable[[int, str], Any] = lambda amount, what: None,
    out: Array | None = None,
) -> ReadPicture:
    """Read a picture as `load_image` describes it.

    Parameters
    ----------
    path : path-like
        A file in one of the formats BMP, GIF, JPEG, PNG, PPM, TIFF and WebP.
    form : PictureForm
        What the picture is brought to.
    take_memory : callable, optional
        Called with the bytes that decoding takes until this function returns, and what takes them.
    out : ndarray, optional
        Receives the pixels.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, is damaged, no picture, or too large.
    """
    pillow()  # says how to install it before anything is wrong with the file
    with readable(path) as (file, name):
        pixels = jpeg_pixels(file, form.color_mode == "grayscale", 2 * _least_side(form))
        if pixels is not None:
            return ReadPicture(_fitted(pixels, form, out), [], [])
        return _read_by_pillow(file, name, form, take_memory, out)


def _read_by_pillow(
    file: BinaryIO,
    name: str | os.PathLike[str],
    form: PictureForm,
    take_memory: Callable[[int, str], Any],
    out: Array | None,
) -> ReadPicture:
    lost: list[str] = []
    header = webp_header(file.read(HEADER_BYTES))
    if header is not None:  # its decoder takes memory when the file is opened
        size = f"{header.width} x {header.height} pixels"
        take_memory(_bytes_of_webp(header, file) + _bytes_to_stretch(form), size)
    with opened(file, name) as (image, remarks):
        whole = image.width * image.height
        box = _drafted(image, form)
        if image.format != "WEBP":
            size = f"{image.width} x {image.height} pixels"
            take_memory(_bytes_to_decode(image, whole) + _bytes_to_stretch(form), size)
        eight_of_sixteen = deep_bands(image)
        picture, box = _upright(image, box)
        if is_deep(picture) and form.dtype == "float32":
            picture = as_float32(picture)
        else:
            if is_deep(picture):
                picture = as_eight_bits(picture, lost)
            elif eight_of_sixteen:
                note_dark_colours(picture, lost)
            picture = grounded(picture, form.background, lost)
        return ReadPicture(_pixels(picture, box, form, out), lost, remarks)


def _drafted(image: Any, form: PictureForm) -> Box:
    """Have a JPEG decoded at a fraction of its size that is still large enough.

    Returns
    -------
    tuple
        What the picture covers of the pixels; of a fraction's last column and row perhaps a part.
    """
    whole = (0, 0, image.width, image.height)
    mode = _MODES[form.color_mode] if form.color_mode else None
    least = _least_side(form)
    if mode != "L" and min(image.size) < 2 * least:  # nothing would change
        return whole
    drafted = image.draft(mode, None if form.size is None else (least, least))
    return drafted[1] if drafted else whole


def _least_side(form: PictureForm) -> int:
    """Return the least side of the fraction of a JPEG that is decoded."""
    return 2 * max(form.size) if form.size else _ALL


def _bytes_of_webp(header: WebPHeader, file: BinaryIO) -> int:
    each = _BYTES_WEBP + (_BYTES_GROUND if header.is_transparent else 0)
    return each * header.width * header.height + file.seek(0, os.SEEK_END)


def _bytes_to_decode(image: Any, whole: int) -> int:
    """Return the memory that decoding takes at most; `whole` counts the pixels of no fraction."""
    each = _BYTES_DEEP if is_deep(image) else _BYTES
    each += _BYTES_GROUND if image.mode == "RGBA" else 0
    coefficients = 6 * whole if "progressive" in image.info else 0
    tags = getattr(image, "tag_v2", {})
    tile = int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0))
    return int(each * image.width * image.height + coefficients + _BYTES_TILE * tile)


def _bytes_to_stretch(form: PictureForm) -> int:
    return 0 if form.size is None else BAND_BYTES * BAND


def _upright(image: Any, box: Box) -> tuple[Any, Box]:
    """Decode an image, and turn it and what the box covers of it as its EXIF data say."""
    image.load()  # the formats have their EXIF data before or behind the pixels
    try:
        turn, exchanged, mirrored, overturned = _TURNS[image.getexif().get(0x0112)]
    except Exception:  # upright, or damaged EXIF data, which spoil no pixel
        return image, box
    picture = image.transpose(pillow().Transpose[turn])
    left, top, right, bottom = box
    if exchanged:
        left, top, right, bottom = top, left, bottom, right
    if mirrored:
        left, right = picture.width - right, picture.width - left
    if overturned:
        top, bottom = picture.height - bottom, picture.height - top
    return picture, (left, top, right, bottom)


def _pixels(picture: Any, box: Box, form: PictureForm, out: Array | None) -> Array:
    """Return the picture's pixels in the form's channels, type and size."""
    grey = picture.mode in _GREY if form.color_mode is None else form.color_mode == "grayscale"
    if picture.mode != "F":
        mode = "L" if grey or picture.mode in _GREY else "RGB"
        picture = picture if picture.mode == mode else picture.convert(mode)
    out = _output(form, (picture.height, picture.width), grey, out)
    if form.size is None:
        out[:] = pixels_of(picture)
    else:
        stretch(picture, box, out)
    return out


def _fitted(pixels: Pixels, form: PictureForm, out: Array | None) -> Array:
    """Return bytes (height, width, 1 or 4) in the form's channels, type and size."""
    height, width, channels = pixels.shape
    grey = form.color_mode == "grayscale" if form.color_mode else channels == 1
    out = _output(form, (height, width), grey, out)
    if form.size is None:
        out[:] = pixels[..., :3]
    else:
        stretch_bytes([pixels], pixels.shape, (0, 0, width, height), out)
    return out


def _output(form: PictureForm, own_size: tuple[int, int], grey: bool, out: Array | None) -> Array:
    return (
        np.empty((*(form.size or own_size), 1 if grey else 3), form.dtype) if out is None else out
    )
