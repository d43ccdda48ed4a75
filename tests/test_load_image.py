from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.data import image_folder, load_image

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: the extra images")

pytestmark = pytest.mark.one_isa

NOISE = np.random.default_rng(3).integers(0, 256, (43, 29, 3), np.uint8)


def rotated() -> Any:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees clockwise to be seen
    return exif


def palette() -> Any:
    """A picture of 256 colours, each with a transparency of its own."""
    picture = Image.fromarray(NOISE).convert("P")
    picture.info["transparency"] = bytes(range(256))
    return picture


PICTURES: dict[str, tuple[str, Callable[[], Any], dict[str, Any]]] = {
    "colour JPEG": ("a.jpg", lambda: Image.fromarray(NOISE), {}),
    "large JPEG": ("a.jpg", lambda: Image.fromarray(np.tile(NOISE, (9, 13, 1))), {}),
    "grey JPEG": ("a.jpg", lambda: Image.fromarray(NOISE[..., 0]), {}),
    "rotated JPEG": ("a.jpg", lambda: Image.fromarray(NOISE), {"exif": rotated()}),
    "grey PNG": ("a.png", lambda: Image.fromarray(NOISE[..., 0]), {}),
    "transparent PNG": ("a.png", lambda: Image.fromarray(NOISE).convert("RGBA"), {}),
    "transparent palette": ("a.png", palette, {}),
    "16 bits": ("a.png", lambda: Image.fromarray(NOISE[..., 0].astype(np.uint16) * 251), {}),
    "CMYK": ("a.jpg", lambda: Image.fromarray(NOISE).convert("CMYK"), {}),
    "GIF": ("a.gif", lambda: Image.fromarray(NOISE), {}),
}


@pytest.fixture(params=PICTURES)
def picture(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    name, make, options = PICTURES[request.param]
    (tmp_path / "photos").mkdir()
    make().save(tmp_path / "photos" / name, **options)
    return tmp_path / "photos" / name


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
@pytest.mark.parametrize("size", [16, (21, 8), (90, 70)], ids=str)
def test_the_pixels_are_those_of_image_folder(picture: Path, size: Any, color_mode: str) -> None:
    (expected,) = image_folder(picture.parent, size, color_mode, label_mode=None).train
    got = load_image(picture, size, color_mode)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected, strict=True)
    np.testing.assert_array_equal(load_image(str(picture), size, color_mode), got)


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
def test_by_default_the_size_is_the_picture_s_own(picture: Path, color_mode: str) -> None:
    got = load_image(picture, color_mode=color_mode)
    with Image.open(picture) as image:
        width, height = image.size
        if image.getexif().get(0x0112) == 6:
            width, height = height, width
    assert got.shape == (height, width, 3 if color_mode == "rgb" else 1)
    np.testing.assert_array_equal(load_image(picture, (height, width), color_mode), got)


def test_lossless_pixels_are_kept(tmp_path: Path) -> None:
    alpha = np.arange(43 * 29).astype(np.uint8).reshape(43, 29, 1)
    for name, pixels in (("rgb", NOISE), ("rgba", np.concatenate([NOISE, alpha], axis=-1))):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(load_image(tmp_path / f"{name}.png"), NOISE)
    Image.fromarray(NOISE[..., 0]).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(
        load_image(tmp_path / "grey.png", color_mode="grayscale"), NOISE[..., :1]
    )
    Image.fromarray(NOISE[..., 0].astype(np.uint16) * 256 + 99).save(tmp_path / "16.png")
    np.testing.assert_array_equal(
        load_image(tmp_path / "16.png"), NOISE[..., :1].repeat(3, axis=-1)
    )


def test_an_exif_rotation_turns_the_pixels(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.png", exif=rotated())
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), np.rot90(NOISE, -1))


def test_a_network_takes_it(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    model = cnnx.Sequential([cnnx.Input((8, 6, 1)), cnnx.layers.Flatten(), cnnx.layers.Dense(2)])
    x = load_image(tmp_path / "a.png", (8, 6), "grayscale")
    assert model.predict(x[None], verbose=0).shape == (1, 2)


@pytest.mark.parametrize(
    ("name", "make", "error", "reason"),
    [
        ("no.png", lambda path: None, FileNotFoundError, "no such file"),
        ("folder", Path.mkdir, ValueError, "is a folder"),
        ("pipe", os.mkfifo, ValueError, "pipe"),
        ("text.jpg", lambda path: path.write_text("x"), ValueError, "no BMP"),
        ("a", lambda path: path.write_text("x"), ValueError, "no BMP"),
        ("cut.png", lambda path: Image.fromarray(NOISE).save(path), OSError, "truncated"),
        ("vast.ppm", lambda path: path.write_bytes(b"P6 999999 999999 255\n"), ValueError, "large"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, make: Callable[[Path], Any], error: type[Exception], reason: str
) -> None:
    path = tmp_path / name
    make(path)
    if name.startswith("cut"):
        path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(error) as raised:
        load_image(path, 8)
    message = str(raised.value)
    assert message.startswith(f"load_image: {path}: ")
    assert message.count(str(path)) == 1
    assert reason in message


def test_arguments_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^load_image: size must be one whole number or two"):
        load_image(tmp_path / "a.png", (1, 2, 3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^load_image: color_mode must be 'grayscale' or 'rgb'"):
        load_image(tmp_path / "a.png", 8, "rgba")
