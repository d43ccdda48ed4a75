"""N11: unlabelled photos (S0 Programmes 11.6.8 and 11.6.10) and letters by writers (11.6.11).

The pictures are made here; each writer has a grey value of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from cnnx import layers
from cnnx.data import image_folder, load_image

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: the extra images")

EXAMPLE = Path(__file__).parents[2] / "examples" / "cats_and_dogs.py"
TRAIN_WRITERS = ["hsf_0", "hsf_1", "hsf_3", "hsf_4", "hsf_6"]
TEST_WRITERS = ["hsf_7"]
PAPER = 255


def save(path: Path, pixels: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


# --- letters in folders of writers ----------------------------------------------------------------


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """I and Q in ink of 10 x the writer's number, on paper of 128 x 128 pixels as NIST scans it."""
    for writer in range(8):
        for index in range(3):
            bar = np.full((128, 128, 3), PAPER)
            bar[20:100, 60 + index : 70 + index] = 10 * writer
            save(tmp_path / "I" / f"hsf_{writer}" / f"{index}.png", bar)
            ring = np.full((128, 128, 3), PAPER)
            ring[30:100, 30:100] = 10 * writer
            ring[40:90, 40:90] = PAPER
            ring[90:120, 80 + index : 100 + index] = 10 * writer
            save(tmp_path / "Q" / f"hsf_{writer}" / f"{index}.png", ring)
    return tmp_path


def ink(x: NDArray[np.uint8]) -> set[int]:
    return {int(picture.min()) // 10 for picture in x}


def test_n11_some_writers_are_held_back(letters: Path) -> None:
    (x, y), _, names = image_folder(
        letters, 32, "grayscale", class_names=["I", "Q"], include=TRAIN_WRITERS, seed=4015
    )
    assert (x.shape, names) == ((30, 32, 32, 1), ["I", "Q"])
    assert ink(x) == {0, 1, 3, 4, 6}
    assert np.bincount(y).tolist() == [15, 15]
    (x_test, y_test), _, _ = image_folder(
        letters, 32, "grayscale", include=TEST_WRITERS, shuffle=False
    )
    assert ink(x_test) == {7}
    assert y_test.tolist() == [0, 0, 0, 1, 1, 1]
    # The same training part, said by what is left out.
    (others, _), _, _ = image_folder(letters, 32, exclude=["hsf_[257]"])
    assert ink(others) == {0, 1, 3, 4, 6}


def test_n11_one_filter_tells_the_letters_of_held_back_writers_apart(letters: Path) -> None:
    cnnx.utils.set_random_seed(0)
    options: dict[str, Any] = {"image_size": 32, "color_mode": "grayscale", "seed": 4015}
    train = image_folder(letters, include=TRAIN_WRITERS, **options).train
    x_test, y_test = image_folder(letters, include=TEST_WRITERS, **options).train
    model = cnnx.Sequential(
        [
            cnnx.Input((32, 32, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(1, 3),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    model.fit(train[0], train[1], epochs=40, batch_size=8, verbose=0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] == 1


# --- photos without labels ------------------------------------------------------------------------


def photo(shape: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Return a colour gradient that ends differently for each seed."""
    height, width = shape
    ramp = np.add.outer(np.arange(height), np.arange(width)) / (height + width)
    colours = np.random.default_rng(seed).integers(60, 256, 3)
    return (ramp[..., None] * colours).astype(np.uint8)


SHAPES = [(120, 90), (80, 130), (100, 100), (61, 47)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for index, shape in enumerate(SHAPES):
        save(tmp_path / "Test" / f"{index}.png", photo(shape, index))
    return tmp_path / "Test"


def test_n11_photos_in_grey_and_as_colour_originals(photos: Path) -> None:
    grey, _, names = parts = image_folder(
        photos, (100, 100), "grayscale", label_mode=None, shuffle=False
    )
    assert (grey.shape, grey.dtype, names) == ((4, 100, 100, 1), np.uint8, [])
    originals = [load_image(file) for file in parts.train_file_paths]
    assert [original.shape[:2] for original in originals] == SHAPES
    for index, original in enumerate(originals):
        np.testing.assert_array_equal(original, photo(SHAPES[index], index))
    # A picture of 100 x 100 pixels is not resized: its grey is the luminance of the colours.
    luminance = originals[2] @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(grey[2, ..., 0], luminance, atol=1)
    for file, pixels in zip(parts.train_file_paths, grey, strict=True):
        np.testing.assert_array_equal(load_image(file, 100, "grayscale"), pixels)


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, EXAMPLE, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_n11_the_program_judges_photos(photos: Path, tmp_path: Path) -> None:
    """Dark photos are cats here; the saved network brings its preprocessing and its class names."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    for index in range(10):
        save(tmp_path / "pets" / "cat" / f"{index}.png", photo((50, 50), index) // 4)
        save(tmp_path / "pets" / "dog" / f"{index}.png", 255 - photo((50, 50), index) // 4)
    trained = run(tmp_path, "pets", "--epochs", "8")
    assert trained.returncode == 0, trained.stderr
    save(tmp_path / "mine" / "dark.png", np.full((30, 40, 3), 30))
    bright = save(tmp_path / "bright.png", np.full((40, 30, 3), 220))
    result = run(tmp_path, "--predict", "mine", bright, photos, "--picture", "judged.png")
    assert result.returncode == 0, result.stderr
    lines = re.findall(r"^(\w+) +(\d\.\d+)  (\S+)$", result.stdout, re.MULTILINE)
    files = ["mine/dark.png", str(bright), *(str(photos / f"{index}.png") for index in range(4))]
    assert [file for _, _, file in lines] == files
    assert [label for label, _, _ in lines[:2]] == ["cat", "dog"]
    model = cnnx.models.load_model(tmp_path / "output" / "cats_and_dogs.safetensors")
    for label, value, file in lines:
        expected = model.predict(load_image(tmp_path / file, 100, "grayscale")[None], verbose=0)
        assert float(value) == pytest.approx(expected.item(), abs=6e-4)
        assert label == ["cat", "dog"][round(float(value))]
    assert load_image(tmp_path / "judged.png").std() > 10


def test_n11_the_program_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    for arguments, message in (
        (
            ["--predict", "a.jpg"],
            "there is no file output/cats_and_dogs.safetensors. Train a network",
        ),
        ([], "give PETS to train, or --predict"),
        (["pets", "--predict", "a.jpg"], "give PETS to train, or --predict"),
    ):
        result = run(tmp_path, *arguments)
        assert result.returncode == 2
        assert message in result.stderr
