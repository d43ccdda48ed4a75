"""JPEG files decoded by simplejpeg: the same pixels, and the same words, as Pillow's alone."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cnnx.data import jpeg_pixels as module
from cnnx.data.jpeg_pixels import jpeg_pixels
from cnnx.data.picture_form import PictureForm
from cnnx.data.picture_reader import read_picture
from pictures import DAMAGED_EXIF, Image

pytest.importorskip("simplejpeg", reason="simplejpeg is not installed: the extra jpeg")

pytestmark = pytest.mark.one_isa

FORMS = [
    PictureForm(size, color_mode, dtype)
    for size in (None, (16, 16), (21, 8), (90, 70))
    for color_mode in (None, "rgb", "grayscale")
    for dtype in ("uint8", "float32")
]


def jpeg_file(height: int, width: int, mode: str = "RGB", **options: Any) -> BytesIO:
    """Return a file of a smooth picture with some noise."""
    rows, columns = np.mgrid[:height, :width]
    colours = [rows * 3, columns * 2, rows + columns]
    noise = np.random.default_rng(1).integers(0, 20, (height, width, 3))
    pixels = (np.stack(colours, axis=-1) + noise).astype(np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG", **options)
    return BytesIO(stream.getvalue())


@pytest.fixture
def by_pillow(monkeypatch: pytest.MonkeyPatch) -> Callable[[BytesIO, PictureForm], NDArray[Any]]:
    """Return a reader without simplejpeg."""

    def read(file: BytesIO, form: PictureForm) -> NDArray[Any]:
        with monkeypatch.context() as patched:
            patched.setattr(module, "_simplejpeg", lambda: None)
            return read_picture(BytesIO(file.getvalue()), form).pixels

    return read


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}], ids=str)
def test_the_pixels_are_pillow_s(
    by_pillow: Any, options: dict[str, Any], mode: str, form: PictureForm
) -> None:
    file = jpeg_file(31, 27, mode, **options)
    assert jpeg_pixels(file, form.color_mode == "grayscale", 99) is not None
    read = read_picture(file, form)
    expected = by_pillow(file, form)
    assert read.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(read.pixels, expected)
    assert not read.lost
    assert not read.remarks


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(1, 100),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
)
def test_pixels_of_any_size(
    height: int, width: int, quality: int, subsampling: int, grey: bool
) -> None:
    file = jpeg_file(height, width, quality=quality, subsampling=subsampling)
    decoded = jpeg_pixels(file, grey, 99)
    assert decoded is not None
    with Image.open(file) as image:
        if grey:
            image.draft("L", None)
        expected = np.asarray(image).reshape(height, width, -1)
    np.testing.assert_array_equal(decoded[..., :3], expected)


def exif_with(orientation: int) -> Any:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


LEFT_TO_PILLOW = {
    "turned": jpeg_file(9, 12, exif=exif_with(6)),
    "damaged EXIF data": jpeg_file(9, 12, exif=DAMAGED_EXIF),
    "inks": jpeg_file(9, 12, "CMYK"),
    "large": jpeg_file(400, 400),
    "no JPEG": BytesIO(b"GIF89a"),
    "cut": BytesIO(jpeg_file(30, 40).getvalue()[:-60]),
    "empty": BytesIO(b""),
    "header alone": BytesIO(jpeg_file(30, 40).getvalue()[:300]),
}


@pytest.mark.parametrize("name", LEFT_TO_PILLOW)
def test_others_are_left_to_pillow(by_pillow: Any, name: str) -> None:
    file = LEFT_TO_PILLOW[name]
    assert jpeg_pixels(file, False, 9999) is None
    form = PictureForm((7, 5), "rgb")

    def outcome(read: Callable[[], Any]) -> Any:
        try:
            return read().tolist()
        except (OSError, ValueError) as error:
            return str(error)

    expected = outcome(lambda: by_pillow(file, form))
    assert outcome(lambda: read_picture(file, form).pixels) == expected


def test_a_picture_that_is_shrunk_in_decoding_is_left_to_pillow() -> None:
    file = jpeg_file(64, 80)
    assert jpeg_pixels(file, False, 64) is None
    assert jpeg_pixels(file, False, 65) is not None


def test_pillow_s_limit_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    file = jpeg_file(64, 80)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 80 - 1)
    assert jpeg_pixels(file, False, 99) is None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert jpeg_pixels(file, False, 99) is not None


def test_a_file_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.jpg"
    path.write_bytes(jpeg_file(20, 30).getvalue())
    expected = np.asarray(Image.open(path))
    monkeypatch.setattr(module.pillow(), "open", None)  # not needed
    np.testing.assert_array_equal(read_picture(path, PictureForm()).pixels, expected)
