from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx.data import write_idx
from cnnx.datasets import cifar10, cifar100, fashion_mnist, kmnist
from cnnx.datasets.cifar_files import CifarFiles

pytestmark = pytest.mark.one_isa

SETS: dict[str, tuple[CifarFiles, Callable[..., Any]]] = {
    "cifar10": (cifar10.FILES, lambda path: cifar10.load_data(path)),
    "cifar100": (cifar100.FILES, lambda path: cifar100.load_data(path=path)),
}


def contents(files: CifarFiles) -> dict[str, np.ndarray]:
    """Return small files by name: records of labels and planes of red, green and blue."""
    chance = np.random.default_rng(1)
    found = {}
    for count, name in enumerate((*files.train, *files.test), 2):
        labels = [chance.integers(0, classes, (count, 1)) for classes in files.classes]
        found[name] = np.hstack([*labels, chance.integers(0, 256, (count, 3072))]).astype(np.uint8)
    return found


def pack(path: Path, files: dict[str, bytes], inner: str, kind: bytes = tarfile.REGTYPE) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{inner}/{name}")
            member.size, member.type = len(content), kind
            member.linkname = "/etc/passwd" if kind == tarfile.SYMTYPE else ""
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("form", ["archive", "folder", "inner folder", "environment"])
@pytest.mark.parametrize("name", SETS)
def test_files(name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, load = SETS[name]
    records = contents(files)
    packed = {key: value.tobytes() for key, value in records.items()}
    path: Path | None = tmp_path
    if form == "archive":
        pack(tmp_path / files.archive.name, packed, files.inner)
    else:
        if form == "environment":
            monkeypatch.setenv("CNNX_DATA", str(tmp_path))
            path = None
        folder = {"folder": "", "inner folder": files.inner, "environment": name}[form]
        (tmp_path / folder).mkdir(exist_ok=True)
        for key, content in packed.items():
            (tmp_path / folder / key).write_bytes(content)
    (x_train, y_train), (x_test, y_test) = load(path)
    for x, y, names in ((x_train, y_train, files.train), (x_test, y_test, files.test)):
        rows = np.concatenate([records[key] for key in names])
        assert x.dtype == y.dtype == np.uint8
        assert x.flags.c_contiguous
        assert x.shape == (len(rows), 32, 32, 3)
        np.testing.assert_array_equal(y[:, 0], rows[:, len(files.classes) - 1])
        first = len(files.classes)
        for channel in range(3):
            plane = rows[:, first + 1024 * channel : first + 1024 * (channel + 1)]
            np.testing.assert_array_equal(x[..., channel].reshape(len(rows), -1), plane)


def test_coarse_labels(tmp_path: Path) -> None:
    records = contents(cifar100.FILES)
    for name, rows in records.items():
        (tmp_path / name).write_bytes(rows.tobytes())
    _, (_, coarse) = cifar100.load_data("coarse", tmp_path)
    np.testing.assert_array_equal(coarse[:, 0], records["test.bin"][:, 0])
    with pytest.raises(ValueError, match=r"cifar100.load_data: label_mode must be"):
        cifar100.load_data("middle", tmp_path)


@pytest.mark.parametrize("name", SETS)
def test_hostile_files(name: str, tmp_path: Path) -> None:
    files, load = SETS[name]
    good = {key: value.tobytes() for key, value in contents(files).items()}
    archive, last = tmp_path / files.archive.name, files.test[0]
    with pytest.raises(FileNotFoundError, match=r"holds neither .* pickles, which may run code"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds neither"):
        load(tmp_path / "absent")
    for wrong, message in (
        (good[last][:-1], "no whole records"),
        (b"", "holds 0 bytes"),
        (b"\xff" + good[last][1:], "holds the label 255, but those of CIFAR"),
    ):
        pack(archive, good | {last: wrong}, files.inner)
        with pytest.raises(ValueError, match=message):
            load(tmp_path)
    pack(archive, {key: good[key] for key in files.train}, files.inner)
    with pytest.raises(ValueError, match=f"lacks {last}"):
        load(tmp_path)
    pack(archive, dict.fromkeys(good, b""), files.inner, tarfile.SYMTYPE)
    with pytest.raises(ValueError, match="lacks"):
        load(tmp_path)
    pack(archive, {"../" * 8 + key: content for key, content in good.items()}, files.inner)
    with pytest.raises(ValueError, match="lacks"):
        load(tmp_path)
    pack(archive, good, files.inner)
    whole = archive.read_bytes()
    for broken in (b"", b"no archive", whole[: len(whole) // 2], b"\x1f\x8b" + bytes(99)):
        archive.write_bytes(broken)
        with pytest.raises(ValueError, match=r"is no whole archive .*fetch it again|lacks"):
            load(tmp_path)


@pytest.mark.parametrize("dataset", [fashion_mnist, kmnist])
def test_sets_in_the_files_of_mnist(
    dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = dataset.__name__.rpartition(".")[2]
    folder = tmp_path / name
    folder.mkdir()
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    for file in dataset.FILES:
        write_idx(folder / file.name, images if "images" in file.name else np.arange(5, dtype="u1"))
    monkeypatch.setenv("CNNX_DATA", str(tmp_path))
    for (x_train, y_train), (x_test, y_test) in (dataset.load_data(), dataset.load_data(folder)):
        np.testing.assert_array_equal(x_train, images)
        np.testing.assert_array_equal(x_test, images)
        assert y_train.tolist() == y_test.tolist() == [0, 1, 2, 3, 4]
    assert len(dataset.class_names()) == 10
    (folder / dataset.FILES[0].name).unlink()
    with pytest.raises(FileNotFoundError, match=r"neither train-images.*or give no folder"):
        dataset.load_data(folder)
