from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx.data import image_folder
from cnnx.data.stratified_split import held_back
from pictures import flat, save

pytestmark = pytest.mark.one_isa


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.29, 1 / 3, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("sizes", [(95, 5), (10,), (4, 6, 7), (30, 1, 3), (2,) * 12])
def test_each_class_holds_back_its_share(sizes: tuple[int, ...], share: float) -> None:
    """To within one sample; in all it is the share of the samples; the last ones of each class."""
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    held = held_back(labels, share)
    for label, size in enumerate(sizes):
        chosen = held[labels == label]
        assert abs(chosen.sum() - size * share) < 1
        assert (np.diff(chosen.astype(int)) >= 0).all()
    if 1 not in sizes:
        assert held.sum() == round(len(labels) * share)
    else:
        assert not held[labels == 1].any(), "a class of one sample is trained on"


def test_nothing_is_held_back_of_a_share_of_nothing() -> None:
    assert not held_back(np.array([0, 1, 1]), 0.0).any()


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """95 pictures of one class, 5 of another."""
    for name, count in (("common", 95), ("rare", 5)):
        for index in range(count):
            save(tmp_path / name / f"{index:02}.png", flat(index))
    return tmp_path


@pytest.mark.parametrize("options", [{"shuffle": False}, {"seed": 1}, {"seed": 2}, {}])
def test_a_folder_is_split_by_class(rare: Path, options: dict[str, Any]) -> None:
    arrays = image_folder(rare, 4, validation_split=0.2, **options)
    streams = image_folder(rare, 4, validation_split=0.2, batch_size=7, **options)
    held_labels = [arrays.validation[1], np.concatenate([y for _, y in streams.validation])]
    for labels in held_labels:
        assert np.bincount(labels).tolist() == [19, 1]
    assert np.bincount(arrays.train[1]).tolist() == [76, 4]
    files = {*arrays.train_file_paths, *arrays.validation_file_paths}
    assert len(files) == 100
    if options.get("shuffle") is False:
        names = [path.name for path in arrays.validation_file_paths]
        assert names == [f"{index}.png" for index in range(76, 95)] + ["04.png"]
    if "seed" in options:
        assert (np.diff(arrays.train[1]) < 0).any(), "mixed"
        assert streams.validation_file_paths == arrays.validation_file_paths


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize(
    ("count", "share", "message"),
    [
        (2, 0.1, r"validation_split=0.1 of 4 pictures holds back none; give 0.25 or more, or 0"),
        (1, 0.5, "validation_split=0.5 of 2 pictures holds back none; each class has but one"),
        (3, 0.99, "leaves no picture to train on"),
    ],
)
def test_parts_without_pictures_are_refused(
    tmp_path: Path, count: int, share: float, message: str, batch_size: int | None
) -> None:
    for name in "ab":
        for index in range(count):
            save(tmp_path / name / f"{index}.png", flat(0))
    with pytest.raises(ValueError, match=message):
        image_folder(tmp_path, 4, validation_split=share, batch_size=batch_size)


def test_classes_without_pictures_to_train_on_are_refused(rare: Path) -> None:
    with pytest.raises(ValueError, match="leaves no picture of the classes 'rare' to train on"):
        image_folder(rare, 4, validation_split=0.97)


@pytest.mark.parametrize("share", [0.1, 0.29, 0.57, 0.9])
def test_pictures_without_classes_are_split_from_the_end(rare: Path, share: float) -> None:
    parts = image_folder(rare, 4, label_mode=None, validation_split=share, shuffle=False)
    assert len(parts.validation) == round(100 * share)
    assert [*parts.train_file_paths, *parts.validation_file_paths] == sorted(rare.glob("*/*"))
