"""Pictures of more than 8 bits, TIFF, and pictures on a transparent ground."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnx import filters
from cnnx.data import image_folder, load_image
from pictures import Image, save

pytestmark = pytest.mark.one_isa

RAMP = np.linspace(0, 4095, 64 * 64).reshape(64, 64).astype(np.uint16)


def read_all(path: Path, **options: Any) -> list[NDArray[Any]]:
    """Read one picture in each way: alone, from a folder and from a stream."""
    options = {"color_mode": "grayscale", **options}
    alone = load_image(path, **options)
    folder = options | {"image_size": alone.shape[:2], "label_mode": None}
    (batch,) = image_folder(path.parent, batch_size=1, **folder).train
    return [alone, image_folder(path.parent, **folder).train[0], batch[0]]


def write(path: Path, values: NDArray[Any]) -> Path:
    if path.suffix == ".pgm":
        height, width = values.shape
        path.write_bytes(b"P5 %d %d 65535\n" % (width, height) + values.astype(">u2").tobytes())
    else:
        Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits(tmp_path: Path, suffix: str) -> None:
    """65,535 becomes 255; float32 keeps the values."""
    path = write(tmp_path / f"a.{suffix}", RAMP * 16)
    for x in read_all(path):
        np.testing.assert_array_equal(x[..., 0], RAMP * 16 >> 8)
        assert x.dtype == np.uint8
    for x in read_all(path, dtype="float32"):
        np.testing.assert_array_equal(x[..., 0], RAMP * 16.0)
        assert x.dtype == np.float32
    for x in read_all(path, dtype=np.float32, color_mode="rgb"):
        np.testing.assert_array_equal(x, np.repeat(RAMP[..., None] * 16.0, 3, axis=2))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_twelve_bits_in_sixteen_are_noted(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", RAMP)
    with pytest.warns(UserWarning, match=r"4095 of 65,535 become 0 to 15, .* dtype='fl") as w:
        read_all(path)
    assert [path.name in str(entry.message) for entry in w] == [True] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x in read_all(path, dtype="float32"):
            np.testing.assert_array_equal(x[..., 0], RAMP)


FLOATS = np.linspace(0, 1, 12).reshape(3, 4).astype(np.float32)


@pytest.mark.parametrize("suffix", ["pfm", "tif"])
def test_floats(tmp_path: Path, suffix: str) -> None:
    """1 becomes 255; float32 keeps the values."""
    path = write(tmp_path / f"a.{suffix}", FLOATS)
    for x in read_all(path):
        np.testing.assert_array_equal(x[..., 0], np.rint(FLOATS * 255))
    for x in read_all(path, dtype="float32"):
        np.testing.assert_array_equal(x[..., 0], FLOATS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (FLOATS * 300, "values from 0 to 300; 0 to 1 become 0 to 255 and the rest is cut off"),
        (FLOATS - 0.5, "values from -0.5 to 0.5"),
        (FLOATS * np.where(FLOATS == 1, np.nan, 1), "NaN or infinity; 0 to 1 become"),
        (
            FLOATS * 0.2,
            "values from 0 to 0.2 of 1 become 0 to 51, most of them below 64; dtype='float32'",
        ),
        ((FLOATS * 100_000).astype(np.int32), "to 100000; 0 to 65,535 become"),
    ],
    ids=["large", "negative", "NaN", "dark", "32 bits"],
)
def test_values_that_eight_bits_do_not_hold_are_noted(
    tmp_path: Path, values: NDArray[Any], message: str
) -> None:
    path = write(tmp_path / "a.tif", values)
    with pytest.warns(UserWarning, match=message):
        x = load_image(path, color_mode="grayscale")
    white = 65535 if values.dtype == np.int32 else 1
    expected = np.nan_to_num(values.astype(np.float64), nan=0).clip(0, white) / white * 255
    assert np.abs(x[..., 0] - expected).max() < 1.01
    assert load_image(path, dtype="float32", color_mode="grayscale").dtype == np.float32
    np.testing.assert_array_equal(
        load_image(path, dtype="float32", color_mode="grayscale")[..., 0],
        values.astype(np.float32),
    )


def png(width: int, height: int, bits: int, kind: int, rows: bytes, *chunks: bytes) -> bytes:
    """Return a PNG of any kind, which Pillow may not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    content = [(b"IHDR", header), *((c[:4], c[4:]) for c in chunks)]
    content += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in content)


@pytest.mark.parametrize(("bits_used", "noted"), [(12, True), (16, False)])
def test_dark_colours_of_sixteen_bits_are_noted(
    tmp_path: Path, bits_used: int, noted: bool
) -> None:
    rows = b"".join(
        b"\0" + np.full((4, 3), (1 << bits_used) - 1 - row, ">u2").tobytes() for row in range(4)
    )
    (tmp_path / "a.png").write_bytes(png(4, 4, 16, 2, rows))
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        x = load_image(tmp_path / "a.png")
    assert (x == (15 if noted else 255)).all()
    assert len(record) == noted
    if noted:
        assert "upper 8, which reach 15 of 255" in str(record[0].message)


def test_a_faulty_pixel_hides_no_dark_picture(tmp_path: Path) -> None:
    values = RAMP.copy()
    values[3, 5] = 65535
    with pytest.warns(UserWarning, match="values from 0 to 65535 of 65,535 become 0 to 255, most"):
        load_image(write(tmp_path / "a.png", values))
    colours = np.full((40, 40, 3), 4000, ">u2")
    colours[3, 5] = 65535
    rows = b"".join(b"\0" + row.tobytes() for row in colours)
    (tmp_path / "b.png").write_bytes(png(40, 40, 16, 2, rows))
    with pytest.warns(UserWarning, match="reach 255 of 255 and are mostly below 64"):
        load_image(tmp_path / "b.png")


def test_dark_grey_of_sixteen_bits_beside_transparency_is_noted(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + np.full((4, 2), [4000, 65535], ">u2").tobytes() for _ in range(4))
    (tmp_path / "a.png").write_bytes(png(4, 4, 16, 4, rows))
    with pytest.warns(UserWarning, match="upper 8, which reach 15 of 255"):
        load_image(tmp_path / "a.png")


def test_a_transparent_value_of_sixteen_bits(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + np.array([0, 60000], ">u2").tobytes() for _ in range(2))
    (tmp_path / "a.png").write_bytes(png(2, 2, 16, 0, rows, b"tRNS\0\0"))
    for x in read_all(tmp_path / "a.png", background=255):
        assert x[..., 0].tolist() == [[255, 60000 >> 8]] * 2
    for x in read_all(tmp_path / "a.png", background=(255, 0, 0), color_mode="rgb"):
        assert x[0, 0].tolist() == [255, 0, 0]
    assert load_image(tmp_path / "a.png", color_mode="grayscale")[0, 0] == 0


def test_black_pictures_and_bmp_of_sixteen_bits_are_not_noted(tmp_path: Path) -> None:
    write(tmp_path / "black.png", np.zeros((4, 4), np.uint16))
    assert not load_image(tmp_path / "black.png").any()
    header = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 16, 0, 32, 0, 0, 0, 0)
    pixels = np.full((4, 4), 0b00010_00010_00010, "<u2").tobytes()  # 5 bits a colour
    bmp = b"BM" + struct.pack("<IHHI", 54 + 32, 0, 0, 54) + header + pixels
    (tmp_path / "dark.bmp").write_bytes(bmp)
    assert (load_image(tmp_path / "dark.bmp") == 2 * 255 // 31).all()


TIFF_MODES = ("L", "RGB", "CMYK", "1", "P", "RGBA", "LA")
TIFFS = [
    (mode, compression)
    for mode in TIFF_MODES
    for compression in (None, "tiff_lzw", "tiff_deflate", "packbits")
] + [(mode, "jpeg") for mode in TIFF_MODES[:3]]


@pytest.mark.parametrize(("mode", "compression"), TIFFS)
def test_tiff(tmp_path: Path, mode: str, compression: str | None) -> None:
    halves = np.repeat([[0], [255]], 6, axis=0).repeat(9, axis=1).astype(np.uint8)
    picture = Image.fromarray(halves).convert("RGB").convert(mode)
    picture.save(tmp_path / "a.tiff", compression=compression)
    for x in read_all(tmp_path / "a.tiff", color_mode="rgb"):
        assert np.abs(x.astype(int) - halves[..., None]).max() <= 6


def test_a_tiff_is_turned_upright_once(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    for compression in (None, "tiff_lzw"):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(pixels).save(tmp_path / "a.tif", exif=exif, compression=compression)
        np.testing.assert_array_equal(load_image(tmp_path / "a.tif"), np.rot90(pixels, -1))


def test_the_first_page_is_read(tmp_path: Path) -> None:
    pages = [Image.new("L", (4, 4), value) for value in (10, 20)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert (load_image(tmp_path / "a.tif") == 10).all()


# --- transparency ---------------------------------------------------------------------------------


def drawing(mode: str) -> Any:
    """A black stroke on a ground that is transparent and black."""
    alpha = np.zeros((8, 8), np.uint8)
    alpha[2:6, 3] = 255
    picture = Image.fromarray(np.dstack([np.zeros((8, 8, 3), np.uint8), alpha]))
    if mode != "P":
        return picture.convert(mode)
    indices = Image.fromarray(alpha // 255).convert("P")
    indices.putpalette([0, 0, 0, 0, 0, 0])
    indices.info["transparency"] = bytes([0, 255])
    return indices


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_drawing_on_a_transparent_ground(tmp_path: Path, mode: str) -> None:
    drawing(mode).save(tmp_path / "a.png")
    stroke = np.s_[2:6, 3]
    for x in read_all(tmp_path / "a.png", background=255):
        assert not x[stroke].any()
        assert x.sum() == 255 * (64 - 4)
    for x in read_all(tmp_path / "a.png", background=(255, 128, 0), color_mode="rgb"):
        np.testing.assert_array_equal(x[0, 0], [255, 128, 0])
        assert not x[stroke].any()
    with pytest.warns(
        UserWarning, match=r"a\.png.*lies in the transparency; give background="
    ) as w:
        assert not any(x.any() for x in read_all(tmp_path / "a.png"))
    assert len(w) == 3
    with pytest.warns(UserWarning, match="filters.apply: .*lies in the transparency"):
        filters.apply(tmp_path / "a.png", "box")


def test_half_transparent_pixels_are_blended(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 4), 100, np.uint8)
    pixels[..., 3] = np.arange(16).reshape(4, 4) * 17
    Image.fromarray(pixels).save(tmp_path / "a.png")
    part = pixels[..., 3:] / 255
    expected = 100 * part + 200 * (1 - part)
    assert np.abs(load_image(tmp_path / "a.png", background=200) - expected).max() <= 0.51


def test_a_colour_that_is_transparent(tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=(3, 4, 5))
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), pixels)
    pixels[0, 1] = 255
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", background=255), pixels)


def test_opaque_pictures_and_their_ground(tmp_path: Path) -> None:
    """Nothing is said of a picture of one colour, and nothing put behind an opaque one."""
    save(tmp_path / "a.png", np.full((4, 4, 4), 255))
    save(tmp_path / "b.png", np.full((4, 4, 3), 9))
    assert (load_image(tmp_path / "a.png") == 255).all()
    assert (load_image(tmp_path / "b.png", background=255) == 9).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"background": 256}, "load_image: background must be .*256"),
        (
            {"background": (1, 2)},
            r"background must be one number .* or three, .*\(1, 2\)",
        ),
        ({"background": (0, 0, -1)}, "load_image: background must be .*-1"),
        ({"dtype": "uint16"}, "load_image: dtype must be 'uint8' or 'float32', got 'uint16'"),
        ({"dtype": "pixels"}, "load_image: dtype must be 'uint8' or 'float32', got"),
    ],
    ids=str,
)
def test_arguments_are_checked(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    save(tmp_path / "a.png", np.zeros((4, 4)))
    with pytest.raises(ValueError, match=message):
        load_image(tmp_path / "a.png", **options)
    with pytest.raises(ValueError, match=message.replace("load_image", "image_folder")):
        image_folder(tmp_path, 4, label_mode=None, **options)
