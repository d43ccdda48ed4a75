from __future__ import annotations

import copy
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.data import image_folder
from cnnx.layers import Dense, Flatten, Input
from pictures import Image, brightness, flat, save

pytestmark = pytest.mark.one_isa


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures a class, and between them two that cannot be read."""
    for label, name in enumerate("ab"):
        for index in range(10):
            save(tmp_path / name / f"{index}.png", flat(100 * label + index))
        (tmp_path / name / "5b.png").write_text("no picture")
    return tmp_path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "broken.png").write_text("no picture")
    return tmp_path


def stream_of(folder: Path, **options: Any) -> Any:
    return image_folder(folder, 4, **{"batch_size": 4, "shuffle": False, **options}).train


def check(batches: Any) -> list[int]:
    """Check the label of each picture; return the pictures."""
    for x, y in batches:
        np.testing.assert_array_equal(y, np.array(brightness(x)) >= 100)
    return [value for x, _ in batches for value in brightness(x)]


EXPECTED = [*range(10), *range(100, 110)]


def test_a_stream_none_of_whose_files_can_be_read_says_so(broken: Path) -> None:
    stream = stream_of(broken)
    with pytest.warns(UserWarning, match=r"left out 2 files.* classes 'a', 'b'"):
        assert list(stream) == []
    assert (len(stream), stream.samples, stream.file_paths) == (0, 0, [])
    for _ in range(2):
        with pytest.raises(ValueError, match="none of the 2 files of this stream could be read"):
            next(iter(stream))
    assert [path.name for path in stream.left_out] == ["broken.png"] * 2
    model = cnnx.Sequential([Input((4, 4, 3)), Flatten(), Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="none of the 2 files"):
        model.fit(stream, verbose=0)


def test_held_back_files_that_cannot_be_read_are_refused(broken: Path) -> None:
    for name in "ab":
        save(broken / name / "a.png", flat(1))
    with (
        pytest.warns(UserWarning, match="left out 2 files"),
        pytest.raises(ValueError, match="none of the 2 files to hold back could be read"),
    ):
        image_folder(broken, 4, validation_split=0.5, shuffle=False)


def test_two_passes_at_once(folder: Path) -> None:
    """One begins before, and ends after, the other has found what cannot be read."""
    stream = stream_of(folder, batch_size=3)
    first = iter(stream)
    batches = [next(first)]
    with pytest.warns(UserWarning, match="left out 2 files") as record:
        assert check(list(stream)) == EXPECTED
    assert check([*batches, *first]) == EXPECTED
    assert check(list(stream)) == EXPECTED
    assert len(record) == 1
    assert stream.samples == 20


@pytest.mark.filterwarnings("ignore:.*left out")
def test_passes_in_several_threads(folder: Path) -> None:
    stream = stream_of(folder, shuffle=True, seed=1)
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(check(list(stream)))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted(values) for values in found] == [EXPECTED] * 6
    assert (stream.samples, len(stream.left_out)) == (20, 2)


def test_what_a_pass_found_is_kept_when_it_is_left(folder: Path) -> None:
    stream = stream_of(folder, batch_size=8)
    for _ in stream:
        break
    assert len(stream.left_out) >= 1
    with pytest.warns(UserWarning, match="left out 2 files") as record:
        assert check(list(stream)) == EXPECTED
    assert len(record) == 1


@pytest.mark.filterwarnings("ignore:.*left out")
def test_a_stream_is_copied_and_pickled_with_what_it_knows(folder: Path) -> None:
    stream = stream_of(folder)
    list(stream)
    for other in (copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))):
        assert other.left_out == stream.left_out
        assert check(list(other)) == EXPECTED
    fresh = stream_of(folder)
    fresh.set_state(stream.get_state())
    assert fresh.left_out == stream.left_out
    assert check(list(fresh)) == EXPECTED


@pytest.mark.parametrize("mode", ["binary", "categorical"])
def test_labels_of_a_stream_in_each_form(folder: Path, mode: str) -> None:
    with pytest.warns(UserWarning, match="left out"):
        batches = list(stream_of(folder, label_mode=mode))
    y = np.concatenate([y for _, y in batches])
    second = np.repeat([0, 1], 10)
    expected = second[:, None] if mode == "binary" else np.eye(2)[second]
    np.testing.assert_array_equal(y, expected.astype(np.float32), strict=True)


def test_remarks_are_made_once(folder: Path) -> None:
    for path in folder.glob("*/5b.png"):
        path.unlink()
    alpha = np.zeros((4, 4, 4), np.uint8)
    alpha[1, 1, 3] = 255
    save(folder / "b" / "z.png", alpha)
    stream = stream_of(folder)
    with pytest.warns(UserWarning, match=r"b/z.png \(its drawing lies in the transp") as record:
        list(stream)
    assert len(record) == 1
    assert len(list(stream)) == 6


def test_what_is_lost_is_told_at_once(tmp_path: Path) -> None:
    for index in range(6):
        save(tmp_path / f"{index}.png", flat(index))
    Image.fromarray(np.full((4, 4), 99, np.uint16)).save(tmp_path / "0.png")
    Image.fromarray(np.full((4, 4), 99, np.uint16)).save(tmp_path / "5.png")
    stream = iter(stream_of(tmp_path, label_mode=None, batch_size=1))
    with pytest.warns(UserWarning, match=r"0\.png \(values from 99 to 99 of 65,535"):
        next(stream)
    with pytest.warns(UserWarning, match=r"1 pictures lose what they show: 5\.png"):
        list(stream)
