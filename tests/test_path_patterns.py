"""Files of a folder chosen by patterns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx.data import image_folder
from pictures import brightness, flat, save

pytestmark = pytest.mark.one_isa


def read(folder: Path, **options: Any) -> Any:
    return image_folder(folder, (8, 6), shuffle=False, **options)


@pytest.fixture
def writers(tmp_path: Path) -> Path:
    """Letters by writers, and one beside the folders of the writers."""
    for label, letter in enumerate("IQ"):
        for writer in (0, 1, 3, 4, 6, 7):
            for index in range(2):
                path = tmp_path / "letters" / letter / f"hsf_{writer}" / f"{index}.png"
                save(path, flat(100 * label + 10 * writer + index))
    save(tmp_path / "letters" / "Q" / "beside.PNG", flat(199))
    return tmp_path / "letters"


ALL = ["hsf_0", "hsf_1", "hsf_3", "hsf_4", "hsf_6", "hsf_7"]
CHOICES: list[tuple[dict[str, Any], list[str]]] = [
    ({"include": "hsf_[0-4]/*"}, ["hsf_0", "hsf_1", "hsf_3", "hsf_4"]),
    ({"include": ["hsf_[!7]", "hsf_7/*"]}, ALL),
    ({"include": "hsf_7"}, ["hsf_7"]),
    ({"include": "hsf_7/"}, ["hsf_7"]),
    ({"include": ("./hsf_?/*.png",)}, ALL),
    ({"include": "**/*.png"}, ALL),
    ({"include": "**/hsf_7/**"}, ["hsf_7"]),
    ({"include": "hsf_*", "exclude": "hsf_7/*"}, ALL[:-1]),
    ({"include": "hsf_*", "exclude": ["hsf_1", "hsf_[6-7]"]}, ["hsf_0", "hsf_3", "hsf_4"]),
    ({"exclude": "*.PNG"}, ALL),
    ({"exclude": ["**/[01].png"]}, ["."]),
    ({"exclude": []}, [".", *ALL]),
]


@pytest.mark.filterwarnings("ignore:.*leave no files of the classes")
@pytest.mark.parametrize(("options", "folders"), CHOICES, ids=str)
def test_include_and_exclude(writers: Path, options: dict[str, Any], folders: list[str]) -> None:
    parts = read(writers, **options)
    (x, y), _, names = parts
    expected = [
        file
        for letter in "IQ"
        for folder in folders
        for file in sorted((writers / letter / folder).glob("*.*"))
    ]
    assert sorted(parts.train_file_paths) == sorted(expected)
    assert names == ["I", "Q"]
    np.testing.assert_array_equal(y, [value >= 100 for value in brightness(x)])


@pytest.mark.parametrize(
    "pattern",
    ["*.png", "0.png", "HSF_7", "Q/hsf_7", "hsf", "sf_7", "hsf_7/0", "../Q/*", "hsf_7/0.png/*"],
)
def test_patterns_that_fit_nothing(writers: Path, pattern: str) -> None:
    """Names are compared whole, from the class's folder on, and their letter case counts."""
    with pytest.raises(ValueError, match="fits none of 25 files") as error:
        read(writers, include=["hsf_7", pattern])
    assert repr(pattern) in str(error.value)


def test_patterns_without_classes_begin_at_the_folder(writers: Path) -> None:
    assert brightness(read(writers, label_mode=None, include="Q/hsf_7").train) == [170, 171]
    assert brightness(read(writers, label_mode=None, include="**/hsf_0/0.png").train) == [0, 100]


def test_patterns_serve_streams_too(writers: Path) -> None:
    stream = read(writers, include="hsf_7", batch_size=3).train
    assert [brightness(x) for x, _ in stream] == [[70, 71, 170], [171]]


@pytest.mark.parametrize("patterns", [3, {"hsf_7"}, ["hsf_7", None]], ids=str)
def test_patterns_are_texts(writers: Path, patterns: Any) -> None:
    with pytest.raises(TypeError, match=r"^image_folder: exclude must be a pattern or a list of"):
        read(writers, exclude=patterns)
