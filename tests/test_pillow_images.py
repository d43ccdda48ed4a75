"""Pictures between files, Pillow and arrays: bit for bit as Keras' helpers turn them."""

from __future__ import annotations

import io
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx import utils

Image = pytest.importorskip("PIL.Image")

pytestmark = pytest.mark.one_isa

CHANCE = np.random.default_rng(1)
PIXELS = CHANCE.integers(0, 256, (23, 37, 4), np.uint8)
DEEP = CHANCE.integers(0, 60_000, (9, 7), np.uint16)


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    return pytest.importorskip("keras")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return pictures of four kinds."""
    pictures = {
        "rgba": Image.fromarray(PIXELS),
        "rgb": Image.fromarray(PIXELS[..., :3]),
        "grey": Image.fromarray(PIXELS[..., 0]),
        "deep": Image.fromarray(DEEP),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / f"{name}.png")
    return sorted(tmp_path.iterdir())


def test_pictures_are_loaded_as_keras_loads_them(keras: Any, files: list[Path]) -> None:
    sizes = [None, (23, 37), (10, 12), (40, 15), [64, 64]]
    filters = ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
    cases = itertools.product(["rgb", "rgba", "grayscale"], sizes, [False, True])
    for number, (mode, size, keeps) in enumerate(cases):
        for path in files:
            name = filters[number % len(filters)]
            if (path.stem, mode) == ("deep", "grayscale") and size is not None:
                name = "nearest"  # Pillow's other filters differ in pictures of 16 bits
            expected = keras.utils.load_img(path, mode, size, name, keeps)
            found = utils.load_img(path, mode, size, name, keeps)
            assert found.mode == expected.mode
            np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    data = io.BytesIO(files[0].read_bytes())
    np.testing.assert_array_equal(utils.load_img(data), utils.load_img(str(files[0])))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays_and_images_are_those_of_keras(keras: Any, channels: int) -> None:
    x = CHANCE.normal(0, 3, (11, 6, channels))
    for data_format, scale in itertools.product([None, "channels_last", "channels_first"], [0, 1]):
        given = np.moveaxis(x, -1, 0) if data_format == "channels_first" else x
        given = given if scale else (given - x.min()) * 10
        ours = utils.array_to_img(given, data_format, bool(scale))
        theirs = keras.utils.array_to_img(given, data_format, bool(scale))
        assert ours.mode == theirs.mode
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
        for dtype in (None, "uint8"):
            found = utils.img_to_array(ours, data_format, dtype)
            expected = keras.utils.img_to_array(theirs, data_format, dtype)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_a_picture_of_one_channel_may_be_deep(keras: Any) -> None:
    x = DEEP.astype(np.float32)[..., None]
    ours, theirs = (f(x, scale=False) for f in (utils.array_to_img, keras.utils.array_to_img))
    assert ours.mode == theirs.mode == "I"
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    assert not np.asarray(utils.array_to_img(np.full((2, 2, 1), 7.0))).any()


def test_arrays_are_saved_as_keras_saves_them(keras: Any, tmp_path: Path) -> None:
    x = PIXELS[..., :3].astype(np.float32)
    for name, options in {"a.png": {}, "a.jpg": {"quality": 30}, "a.bmp": {"scale": False}}.items():
        utils.save_img(tmp_path / name, x, **options)
        keras.utils.save_img(tmp_path / f"keras_{name}", x, **options)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"keras_{name}").read_bytes()
    stream = io.BytesIO()
    utils.save_img(stream, x, file_format="png")
    assert stream.getvalue() == (tmp_path / "a.png").read_bytes()
    with pytest.warns(UserWarning, match="JPEG has no transparency"):
        utils.save_img(tmp_path / "a.jpeg", PIXELS)
    assert utils.load_img(tmp_path / "a.jpeg").size == (37, 23)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: utils.load_img("missing.png"), "missing.png: no such file"),
        (lambda path: utils.load_img(path, "cmyk"), "load_img: color_mode must be 'grayscale'"),
        (lambda path: utils.load_img(path, interpolation="area"), "load_img: interpolation must"),
        (lambda path: utils.load_img(path, target_size=(0, 3)), "load_img: target_size"),
        (lambda _: utils.load_img(__file__), "load_img: .*: no BMP"),
        (lambda _: utils.img_to_array(np.ones(3)), "img must have 2 or 3 axes"),
        (lambda _: utils.img_to_array(np.ones((2, 3)), "last"), "data_format must be"),
        (lambda _: utils.array_to_img(np.ones((3, 3))), "x must be one picture"),
        (lambda _: utils.array_to_img(np.ones((3, 3, 2))), "must have 1, 3 or 4 channels, got 2"),
        (lambda _: utils.array_to_img(np.full((3, 3, 1), np.nan)), "x must be finite"),
        (lambda _: utils.array_to_img(np.full((3, 3, 3), 256), scale=False), "pixels are 0 to 255"),
        (lambda _: utils.array_to_img(np.full((3, 3, 1), -1), scale=False), "pixels are 0 to 255"),
        (lambda _: utils.save_img("picture", PIXELS), "says no format; give file_format"),
        (lambda _: utils.save_img("picture.docx", PIXELS), "Pillow writes no 'DOCX'"),
    ],
)
def test_wrong_arguments_are_refused(files: list[Path], call: Any, message: str) -> None:
    with pytest.raises((ValueError, OSError), match=message):
        call(files[0])
