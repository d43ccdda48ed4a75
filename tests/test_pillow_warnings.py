"""Odd pictures: what Pillow warns of, and what it fails on, ends no folder."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx.data import image_folder, load_image
from pictures import DAMAGED_EXIF, Image, flat, save

pytestmark = pytest.mark.one_isa

PIXELS = np.random.default_rng(1).integers(0, 256, (16, 8, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "ab":
        save(tmp_path / name / "1.png", flat(0))
    return tmp_path


@pytest.mark.parametrize("batch_size", [None, 2])
def test_what_pillow_warns_of_names_the_files(folder: Path, batch_size: int | None) -> None:
    for name in ("odd.jpg", "other.jpg"):
        save(folder / "a" / name, flat(9), exif=DAMAGED_EXIF)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        train = image_folder(folder, 8, batch_size=batch_size).train
        count = len(train[0]) if batch_size is None else sum(len(x) for x, _ in train)
    assert count == 4
    (message,) = [str(entry.message) for entry in record]
    assert "read 2 pictures that Pillow warns of: a/odd.jpg (Corrupt EXIF data" in message
    assert record[0].filename == __file__


def test_damaged_exif_data_end_nothing_where_warnings_are_errors(folder: Path) -> None:
    save(folder / "a" / "odd.jpg", PIXELS, exif=DAMAGED_EXIF, quality=95)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(image_folder(folder, 8).train[0]) == 3
        assert sum(len(x) for x, _ in image_folder(folder, 8, batch_size=2).train) == 3
        load_image(folder / "a" / "odd.jpg")
    with pytest.warns(UserWarning, match=r"load_image: .*odd\.jpg: Pillow warns: Corrupt EXIF"):
        load_image(folder / "a" / "odd.jpg")


def test_pillow_s_own_users_are_warned_as_before(folder: Path) -> None:
    save(folder / "a" / "odd.jpg", flat(9), exif=DAMAGED_EXIF)
    with pytest.warns(UserWarning, match="Pillow warns"):
        load_image(folder / "a" / "odd.jpg")
    with (
        pytest.warns(UserWarning, match="^Corrupt EXIF data"),
        Image.open(folder / "a" / "odd.jpg") as image,
    ):
        image.getexif()


def exif(orientation: int) -> bytes:
    """EXIF data whose maker is a fraction, which Pillow cannot write again."""
    entries = struct.pack(">HHHIIHHIHHI", 2, 0x10F, 5, 1, 38, 0x112, 3, 1, orientation, 0, 0)
    return b"Exif\0\0MM\0*\0\0\0\x08" + entries + struct.pack(">II", 1, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_odd_exif_data_still_turn_the_picture(folder: Path, orientation: int) -> None:
    path = save(folder / "a" / "x.jpg", PIXELS, exif=exif(orientation), quality=95)
    turns = [np.array, np.fliplr, lambda p: np.rot90(p, 2), np.flipud]
    turns += [lambda p: p.transpose(1, 0, 2), lambda p: np.rot90(p, -1)]
    turns += [lambda p: np.rot90(p.transpose(1, 0, 2), 2), np.rot90]
    plain = load_image(save(folder / "plain.jpg", PIXELS, quality=95))
    np.testing.assert_array_equal(load_image(path), turns[orientation - 1](plain))
    assert len(image_folder(folder, 8).train[0]) == 3


def odd_files() -> dict[str, bytes]:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 3, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(bytes(20))) + chunk(b"IEND", b"")
    tiff = struct.pack("<2sHIH", b"II", 42, 8, 1) + struct.pack("<HHII", 256, 12, 1, 0)
    return {
        "palette.png": header + end,
        "transparent.png": header + chunk(b"tRNS", b"\0") + end,
        "numbers.pgm": b"P2 2 2 255 1 2 x 4",
        "head.tif": tiff + bytes(4),
        "empty.webp": b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0",
    }


@pytest.mark.parametrize("batch_size", [None, 2])
def test_odd_pictures_are_left_out_and_named(folder: Path, batch_size: int | None) -> None:
    for name, content in odd_files().items():
        (folder / "a" / name).write_bytes(content)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        parts = image_folder(folder, 8, batch_size=batch_size)
        batches = [parts.train] if batch_size is None else list(parts.train)
    read = {path.name for path in parts.train_file_paths}
    named = {path.name for path in parts.left_out}
    assert sum(len(x) for x, _ in batches) == len(parts.train_file_paths)
    assert read | named == {"1.png", *odd_files()}
    assert named >= {"palette.png", "numbers.pgm", "head.tif", "empty.webp"}
    text = " ".join(str(entry.message) for entry in record)
    assert all(name in text for name in named)


@pytest.mark.parametrize("error", [AttributeError, AssertionError, RecursionError, struct.error])
def test_whatever_a_decoder_raises_is_a_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def load(image: Any) -> None:
        raise error

    save(folder / "a" / "2.gif", flat(0))
    from PIL import GifImagePlugin

    monkeypatch.setattr(GifImagePlugin.GifImageFile, "load", load)
    with pytest.warns(UserWarning, match=rf"a/2\.gif \(damaged: {error.__name__}\)"):
        assert len(image_folder(folder, 8).train[0]) == 2
    with pytest.raises(ValueError, match=rf"2\.gif: damaged: {error.__name__}"):
        load_image(folder / "a" / "2.gif")


def test_no_memory_is_not_a_damaged_picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(image: Any) -> None:
        raise MemoryError

    from PIL import PngImagePlugin

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(MemoryError):
        image_folder(folder, 8)


def test_many_left_out_files_are_counted(folder: Path) -> None:
    for index in range(2000):
        (folder / "a" / f"{index:04}.txt").write_text("a caption")
    (folder / "a" / "\x1b[31m\n.txt").write_text("x")
    with pytest.warns(UserWarning, match=r"left out 2001 files") as record:
        parts = image_folder(folder, 8)
    message = str(record[0].message)
    assert "a/0003.txt (no BMP" in message
    assert message.endswith("and 1,991 more, see left_out")
    assert message.isprintable()
    assert len(message) < 2000
    assert len(parts.left_out) == 2001
    assert parts.left_out[folder / "a" / "1999.txt"].startswith("no BMP")
