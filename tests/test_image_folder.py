from __future__ import annotations

import copy
import os
import pickle
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from cnnx.data import ImageFolder, ImageStream, image_folder
from cnnx.layers import Dense, Flatten, Input, Rescaling
from pictures import Image, brightness, flat, save

pytestmark = pytest.mark.one_isa

SIZE = (8, 6)  # height, width


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Five dark cats and seven bright dogs; the number in a name is the brightness."""
    for name, values in (("cat", range(10, 15)), ("dog", range(200, 207))):
        for value in values:
            save(tmp_path / "pets" / name / f"{value}.png", flat(value))
    return tmp_path / "pets"


def read(folder: Path, **options: Any) -> Any:
    return image_folder(folder, **{"image_size": SIZE, "shuffle": False, **options})


# --- arrays ---------------------------------------------------------------------------------------


def test_arrays_in_the_order_of_the_names(pets: Path) -> None:
    (x, y), validation, names = read(pets)
    assert names == ["cat", "dog"]
    assert validation is None
    assert x.shape == (12, *SIZE, 3)
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(x[:, 0, 0, 0], [*range(10, 15), *range(200, 207)])
    np.testing.assert_array_equal(y, [0] * 5 + [1] * 7)
    assert y.dtype == np.int64


def test_shuffling_and_split_repeat_with_the_seed(pets: Path) -> None:
    parts = [read(pets, shuffle=True, seed=3, validation_split=0.25) for _ in range(2)]
    for one, other in zip(*[(*part[0], *part[1]) for part in parts], strict=True):
        np.testing.assert_array_equal(one, other)
    (x, y), (x_held, y_held), _ = parts[0]
    assert (len(x), len(x_held)) == (9, 3)
    brightness = np.concatenate([x, x_held])[:, 0, 0, 0]
    assert sorted(brightness) == [*range(10, 15), *range(200, 207)]
    assert list(brightness) != sorted(brightness)
    np.testing.assert_array_equal(np.concatenate([y, y_held]), brightness > 100)


def test_labels_in_each_form(pets: Path) -> None:
    rows = read(pets, label_mode="categorical").train[1]
    np.testing.assert_array_equal(rows, np.eye(2)[[0] * 5 + [1] * 7])
    column = read(pets, label_mode="binary").train[1]
    np.testing.assert_array_equal(column, [[0]] * 5 + [[1]] * 7)
    assert rows.dtype == column.dtype == np.float32
    (_, y), _, names = read(pets, class_names=["dog", "cat"])
    assert names == ["dog", "cat"]
    np.testing.assert_array_equal(y, [0] * 7 + [1] * 5)


def test_nested_folders_and_any_names(tmp_path: Path) -> None:
    save(tmp_path / "кот" / "a" / "b" / "猫 1.png", flat(1))
    save(tmp_path / "кот" / ".hidden.png", flat(2))
    save(tmp_path / "кот" / ".thumbnails" / "x.png", flat(3))
    save(tmp_path / "ñandú" / "x.JPG", flat(200))
    save(tmp_path / ".git" / "x.png", flat(4))
    save(tmp_path / "beside.png", flat(5))
    (x, y), _, names = read(tmp_path)
    assert names == sorted(["кот", "ñandú"])
    np.testing.assert_array_equal(x[:, 0, 0, 0] > 100, [names[label] == "ñandú" for label in y])


def test_links_that_lead_back_up_are_no_classes(pets: Path) -> None:
    (pets / "loop").symlink_to(pets)
    (pets / "cat" / "up").symlink_to(pets)
    (pets / "cat" / "9.png").symlink_to(pets / "cat" / "10.png")
    (x, _), _, names = read(pets)
    assert names == ["cat", "dog"]
    assert len(x) == 13, "a link to a file is read"


# --- pictures -------------------------------------------------------------------------------------


def one(folder: Path, color_mode: str = "rgb") -> NDArray[np.uint8]:
    """Read the picture of class a, beside one of class b."""
    save(folder / "b" / "b.png", flat(0))
    return read(folder, color_mode=color_mode).train[0][0]


HALVES = np.repeat([[0], [255]], 6, axis=0).repeat(9, axis=1).astype(np.uint8)  # dark above


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "ppm", "jpg", "webp"])
def test_formats(tmp_path: Path, suffix: str, color_mode: str) -> None:
    save(tmp_path / "a" / f"a.{suffix}", flat(120))
    got = one(tmp_path, color_mode)
    assert got.shape == (*SIZE, 3 if color_mode == "rgb" else 1)
    assert np.abs(got.astype(int) - 120).max() <= 2


def test_colours_become_grey_by_their_luminance(tmp_path: Path) -> None:
    save(tmp_path / "a" / "a.png", np.broadcast_to([200, 100, 50], (12, 9, 3)))
    np.testing.assert_array_equal(one(tmp_path, "grayscale"), 124)  # .299 R + .587 G + .114 B


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("CMYK", "jpg"), ("P", "png"), ("1", "png"), ("LA", "png"), ("RGBA", "png"), ("L", "jpg")],
)
def test_modes(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / "a" / f"a.{suffix}"
    path.parent.mkdir()
    Image.fromarray(HALVES).convert("RGB").convert(mode).save(path)
    got = one(tmp_path)
    assert got[0].max() <= 3
    assert got[-1].min() >= 252


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    path = tmp_path / "a" / "a.png"
    path.parent.mkdir()
    Image.fromarray(np.full((12, 9), 0x7812, np.uint16)).save(path)
    np.testing.assert_array_equal(one(tmp_path), 0x78)


def test_exif_turns_the_picture_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees clockwise to be seen
    save(tmp_path / "a" / "a.jpg", HALVES, exif=exif, quality=95)
    got = one(tmp_path, "grayscale")[..., 0]
    assert got[:, 0].min() > 240, "what was below is on the left"
    assert got[:, -1].max() < 15


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("shape", [(400, 304), (401, 303), (415, 297)])
def test_a_large_jpeg_is_shrunk_like_others(
    tmp_path: Path, shape: tuple[int, int], orientation: int
) -> None:
    """It is decoded at a fraction, whose last row and column may stand for few pixels."""
    ramp = np.add.outer(np.arange(shape[0]) // 4, np.arange(shape[1]) // 2).astype(np.uint8)
    ramp[-5:] = 255
    ramp[:, -5:] = 0
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "a" / "a.jpg", ramp, quality=98, exif=exif)
    save(tmp_path / "b" / "a.png", ramp, exif=exif)
    x = read(tmp_path, color_mode="grayscale").train[0].astype(int)
    assert np.abs(x[0] - x[1]).max() <= 3


# --- files that cannot be read --------------------------------------------------------------------


def bomb_png(side: int) -> bytes:
    """A picture of `side` x `side` pixels in a file of a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture
def damaged(pets: Path) -> dict[str, str]:
    """Bad files among the good ones: their names and why they are left out."""
    noise = np.random.default_rng(1).integers(0, 256, (60, 60, 3))
    jpeg = save(pets / "cat" / "cut.jpg", noise)
    jpeg.write_bytes(jpeg.read_bytes()[: jpeg.stat().st_size // 2])
    png = save(pets / "cat" / "cut.png", noise)
    png.write_bytes(png.read_bytes()[:200])
    (pets / "cat" / "text.png").write_text("no picture")
    (pets / "dog" / "empty.jpg").touch()
    (pets / "dog" / "bomb.png").write_bytes(bomb_png(30_000))
    (pets / "dog" / "vast.ppm").write_bytes(b"P6 999999 999999 255\n" + bytes(99))
    (pets / "dog" / "me.png").symlink_to(pets / "dog" / "me.png")
    os.mkfifo(pets / "dog" / "pipe.png")
    Image.fromarray(flat(1)).save(pets / "dog" / "icon.png", format="ICO")
    return {
        "cut.jpg": "truncated",
        "cut.png": "truncated",
        "text.png": "no BMP",
        "empty.jpg": "no BMP",
        "bomb.png": "too large",
        "vast.ppm": "too large",
        "me.png": "me.png",
        "pipe.png": "pipe",
        "icon.png": "no BMP",
    }


def assert_named(record: Any, damaged: dict[str, str]) -> None:
    assert len(record) == 1, "one warning"
    message = str(record[0].message)
    assert f"left out {len(damaged)} files" in message
    for name, reason in damaged.items():
        assert name in message
        assert reason in message


def test_unreadable_files_are_left_out_and_named(pets: Path, damaged: dict[str, str]) -> None:
    with pytest.warns(UserWarning, match="left out") as record:
        (x, y), _, _ = read(pets)
    assert_named(record, damaged)
    np.testing.assert_array_equal(x[:, 0, 0, 0], [*range(10, 15), *range(200, 207)])
    np.testing.assert_array_equal(y, [0] * 5 + [1] * 7)


def test_a_picture_that_pillow_warns_of_is_left_out_where_warnings_are_errors(pets: Path) -> None:
    (pets / "dog" / "large.png").write_bytes(bomb_png(11_000))
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        assert len(read(pets).train[0]) == 12
    assert "large.png (too large" in str(record[0].message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_left_out(pets: Path) -> None:
    (pets / "dog" / "200.png").chmod(0)
    with pytest.warns(UserWarning, match=r"200\.png"):
        assert len(read(pets).train[0]) == 11


def test_a_stream_leaves_them_out_too(pets: Path, damaged: dict[str, str]) -> None:
    stream = read(pets, batch_size=4).train
    with pytest.warns(UserWarning, match="left out") as record:
        first = list(stream)
    assert_named(record, damaged)
    x = np.concatenate([batch[0] for batch in first])
    np.testing.assert_array_equal(x[:, 0, 0, 0], [*range(10, 15), *range(200, 207)])
    assert stream.samples == 12
    assert [len(x) for x, _ in stream] == [4, 4, 4]


# --- streams --------------------------------------------------------------------------------------


def test_a_stream_gives_what_the_arrays_hold(pets: Path) -> None:
    options = {"seed": 5, "shuffle": True, "validation_split": 0.25, "label_mode": "binary"}
    arrays = read(pets, **options)
    streams = read(pets, batch_size=5, **options)
    assert isinstance(streams.train, ImageStream)
    assert (len(streams.train), streams.train.samples) == (2, 9)
    for part, stream in zip(arrays[:2], streams[:2], strict=True):
        x, y = (np.concatenate(arrays) for arrays in zip(*stream, strict=True))
        np.testing.assert_array_equal(np.sort(x, axis=0), np.sort(part[0], axis=0))
        np.testing.assert_array_equal(y[:, 0], x[:, 0, 0, 0] > 100)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in streams.validation]), arrays[1][0])
    epochs = [np.concatenate([x for x, _ in streams.train])[:, 0, 0, 0] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert list(epochs[0]) != list(epochs[1])


def test_a_stream_may_be_left_half_way(pets: Path) -> None:
    stream = read(pets, batch_size=1).train
    for _ in stream:
        break
    assert len(list(stream)) == 12


def test_a_network_learns_from_a_stream(pets: Path) -> None:
    train, held_back, _ = read(pets, batch_size=4, shuffle=True, seed=1, validation_split=0.25)
    cnnx.utils.set_random_seed(1)
    layers = [Rescaling(1 / 255, -0.5), Flatten(), Dense(1, activation="sigmoid")]
    model = cnnx.Sequential([Input((*SIZE, 3)), *layers])
    model.compile(cnnx.optimizers.Adam(0.02), "binary_crossentropy", ["accuracy"])
    history = model.fit(train, epochs=25, validation_data=held_back, verbose=0).history
    assert history["val_accuracy"][-1] == 1
    arrays = read(pets, shuffle=True, seed=1, validation_split=0.25)
    expected = model.evaluate(*arrays.validation, verbose=0)
    assert model.evaluate(held_back, verbose=0) == pytest.approx(expected)
    np.testing.assert_allclose(
        model.predict(held_back, verbose=0), model.predict(arrays.validation[0], verbose=0)
    )


# --- pictures without classes ---------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Nine photos at several depths; a number is the brightness, and the place by name."""
    for value, name in enumerate(["a.png", "b/a.png", "b/c/a.png", "b/d.png", "c.png"]):
        save(tmp_path / "photos" / name, flat(10 * value))
    for value in range(50, 90, 10):
        save(tmp_path / "photos" / "d" / f"{value}.png", flat(value))
    return tmp_path / "photos"


def test_pictures_without_labels(photos: Path) -> None:
    x, validation, names = read(photos, label_mode=None)
    assert x.shape == (9, *SIZE, 3)
    assert x.dtype == np.uint8
    assert brightness(x) == list(range(0, 90, 10))
    assert validation is None
    assert names == []
    x, held_back, names = read(photos, label_mode=None, validation_split=0.34)
    assert (brightness(x), brightness(held_back)) == ([0, 10, 20, 30, 40, 50], [60, 70, 80])


def test_a_stream_of_pictures_without_labels(photos: Path) -> None:
    options: dict[str, Any] = {"label_mode": None, "validation_split": 0.34, "batch_size": 4}
    train, held_back, names = read(photos, **options)
    assert [brightness(batch) for batch in train] == [[0, 10, 20, 30], [40, 50]]
    assert [brightness(batch) for batch in held_back] == [[60, 70, 80]]
    assert names == []
    mixed = read(photos, shuffle=True, seed=1, **options).train
    passes = [[value for batch in mixed for value in brightness(batch)] for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1])
    assert passes[0] != passes[1]


@pytest.mark.filterwarnings("ignore:.*left out")
def test_predictions_are_paired_with_files(photos: Path) -> None:
    (photos / "b" / "notes.txt").write_text("no picture")
    layers = [Rescaling(0.5), Flatten(), Dense(1, "linear", kernel_initializer="ones")]
    model = cnnx.Sequential([Input((*SIZE, 3)), *layers])
    arrays = read(photos, label_mode=None, shuffle=True, seed=2)
    stream = read(photos, label_mode=None, batch_size=4)
    predictions = [
        (model.predict(arrays.train, verbose=0), arrays.train_file_paths),
        (model.predict(stream.train, verbose=0), stream.train_file_paths),
    ]
    assert stream.train.file_paths == stream.train_file_paths
    assert predictions[0][1] != predictions[1][1] == sorted(predictions[1][1])
    for values, files in predictions:
        assert len(files) == 9
        for value, file in zip(values[:, 0], files, strict=True):
            with Image.open(file) as image:
                assert value == image.getpixel((0, 0))[0] * 0.5 * 3 * SIZE[0] * SIZE[1]
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"a stream must yield \(x, y\)"):
        model.fit(stream.train, verbose=0)


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read(tmp_path / "missing", label_mode=None)
    with pytest.raises(ValueError, match="it holds no files"):
        read(tmp_path, label_mode=None)


# --- which file a picture comes from --------------------------------------------------------------


def file_numbers(files: list[Path]) -> list[int]:
    return [int(file.stem) for file in files]


@pytest.mark.filterwarnings("ignore:.*left out")
def test_the_files_of_arrays(pets: Path, damaged: dict[str, str]) -> None:
    parts = read(pets, shuffle=True, seed=3, validation_split=0.4)
    (x, y), (x_held, y_held), _ = parts
    assert file_numbers(parts.train_file_paths) == brightness(x)
    assert file_numbers(parts.validation_file_paths) == brightness(x_held)
    assert len(x) + len(x_held) == 12
    for files, labels in ((parts.train_file_paths, y), (parts.validation_file_paths, y_held)):
        assert [file.parent for file in files] == [pets / ["cat", "dog"][i] for i in labels]
    assert {path.name for path in parts.left_out} == set(damaged)
    assert all(damaged[path.name] in reason for path, reason in parts.left_out.items())
    assert read(pets).validation_file_paths == []


@pytest.mark.filterwarnings("ignore:.*left out")
def test_the_files_of_a_stream(pets: Path, damaged: dict[str, str]) -> None:
    save(pets / "cat" / "zz" / "15.png", flat(15))
    save(pets / "dog" / "zz" / "207.png", flat(207))
    parts = read(pets, batch_size=4, validation_split=0.5)
    assert set(damaged) <= {
        file.name for file in parts.train_file_paths + parts.validation_file_paths
    }
    assert parts.left_out == {}
    for stream, paths in ((0, "train_file_paths"), (1, "validation_file_paths")):
        x = np.concatenate([batch[0] for batch in parts[stream]])
        assert file_numbers(getattr(parts, paths)) == brightness(x)
        assert parts[stream].file_paths == getattr(parts, paths)
    assert {path.name for path in parts.left_out} == set(damaged)
    # A stream's own order is that of a pass without shuffling.
    files = read(pets, batch_size=4, shuffle=True, seed=3).train.file_paths
    assert sorted(files) != files
    parts.train.file_paths.clear()
    assert len(parts.train.file_paths) == parts.train.samples > 0, "a copy"


def test_what_is_returned_is_a_tuple_that_can_be_copied(pets: Path) -> None:
    parts = read(pets)
    assert isinstance(parts, ImageFolder)
    assert len(parts) == 3
    for other in (copy.deepcopy(parts), pickle.loads(pickle.dumps(parts))):
        np.testing.assert_array_equal(other.train[0], parts.train[0])
        assert other.train_file_paths == parts.train_file_paths
    assert parts._replace(class_names=["x"]).class_names == ["x"]


# --- limits and errors ----------------------------------------------------------------------------


def test_memory_is_limited(pets: Path) -> None:
    with pytest.raises(ValueError, match=r"12 pictures of 2000 x 2000 .*max_memory.*batch_size"):
        read(pets, image_size=2000, max_memory=100_000_000)
    assert len(read(pets, image_size=2000, max_memory=100_000_000, batch_size=1).train) == 12
    save(pets / "cat" / "large.png", np.zeros((1100, 1000), np.uint8))
    with pytest.warns(
        UserWarning, match=r"large\.png \(too large: 1000 x 1100 pixels, which take 13,"
    ):
        read(pets, max_memory=12 * (1 << 20) + 20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read(pets).train[0]) == 13


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 0}, ["image_size", "at least 1"]),
        ({"image_size": (10, 20, 3)}, ["image_size", "two"]),
        ({"color_mode": "rgba"}, ["color_mode", "'grayscale' or 'rgb'", "'rgba'"]),
        ({"label_mode": "float"}, ["label_mode", "'binary'", "'float'"]),
        ({"class_names": ["cat", "cow"]}, ["class_names", "'cow'", "'dog'"]),
        ({"class_names": ["cat", "cat"]}, ["class_names", "different"]),
        ({"class_names": ["cat"]}, ["two classes", "'cat'", "label_mode=None"]),
        ({"class_names": ["cat", "dog"], "label_mode": None}, ["class_names", "label_mode=None"]),
        ({"include": "*.jpg"}, ["include", "'*.jpg'", "12 files", "'10.png'"]),
        ({"exclude": ["*.png", "hsf_7"]}, ["exclude", "'hsf_7'", "12 files"]),
        ({"include": ""}, ["include", "'' is an empty pattern"]),
        ({"include": []}, ["include=[]", "none of 12 files"]),
        ({"exclude": "*"}, ["exclude='*'", "none of 12 files"]),
        ({"validation_split": 1}, ["validation_split", "1"]),
        ({"validation_split": 0.99}, ["validation_split", "no picture"]),
        ({"batch_size": 0}, ["batch_size", "at least 1"]),
        ({"max_memory": 1000}, ["max_memory", "1,000"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"verbose": 7}, ["verbose", "7"]),
    ],
    ids=str,
)
def test_arguments_are_checked(pets: Path, options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        read(pets, **{"shuffle": True, **options})
    for word in words:
        assert word in str(error.value)


def test_folders_that_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"two classes.*none"):
        read(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match=r"two classes.*'a'"):
        read(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match=r"two classes.*found none; without pictures: 'a', 'b'"):
        read(tmp_path)
    with (
        pytest.warns(UserWarning, match="without pictures are classes: 'a', 'b'"),
        pytest.raises(ValueError, match="the folders 'a', 'b' hold no files"),
    ):
        read(tmp_path, class_names=["a", "b"])
    for name in "ab":
        (tmp_path / name / "notes.png").write_text("x")
    with (
        pytest.warns(UserWarning, match=r"notes\.png"),
        pytest.raises(ValueError, match="none of the 2 files to train on could be read"),
    ):
        read(tmp_path)
    save(tmp_path / "c" / "c.png", flat(1))
    with pytest.raises(ValueError, match=r"binary.*two classes"):
        read(tmp_path, label_mode="binary")
