"""Files of other programs, and weights for other models than they were saved from."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from cnnx.callbacks import ModelCheckpoint
from cnnx.models import load_model

pytestmark = pytest.mark.one_isa


def stack(*units: int, names: str = "abc") -> cnnx.Sequential:
    """Return dense layers named a, b, ..., on 3 inputs."""
    dense = [layers.Dense(count, name=name) for count, name in zip(units, names, strict=False)]
    return cnnx.Sequential([cnnx.Input((3,)), *dense])


def archive(*names: str) -> bytes:
    """Return a zip archive of empty files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            made.writestr(name, "")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "a pointer of Git LFS",
        ),
        (b"PK\3\4" + bytes(range(1, 100)), "a zip archive"),
        (archive("weights/data.pkl", "weights/version"), r"a file of PyTorch \(.pt\)"),
        (b"\x08\x08\x12\x07pytorch" + bytes(100), "a model of ONNX"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "an array of NumPy"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a pickle"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"\n<html><body></body></html>", "a web page"),
    ],
)
def test_other_kinds_of_files_are_told_for_what_they_are(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    (tmp_path / "model").write_bytes(content)
    for load in (load_model, stack(4, 2).load_weights):
        with pytest.raises(ValueError, match=f"it is {kind}"):
            load(tmp_path / "model")


def test_files_of_other_programs_are_told_for_what_they_are(tmp_path: Path) -> None:
    """As these programs write them."""
    files: dict[str, str] = {}
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.save(torch.nn.Linear(3, 2).state_dict(), tmp_path / "a")
    torch.save({}, tmp_path / "b", _use_new_zipfile_serialization=False)
    files |= {"a": "a file of PyTorch", "b": "a pickle, such as PyTorch writes"}
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    nodes = [onnx.helper.make_node("Relu", ["x"], ["y"])]
    values = [onnx.helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
    graph = onnx.helper.make_graph(nodes, "one", values[:1], values[1:])
    for name, options in {"d": {}, "e": {"producer_name": "test"}}.items():
        onnx.save(onnx.helper.make_model(graph, **options), tmp_path / name)
        files[name] = "a model of ONNX"
    for name, kind in files.items():
        with pytest.raises(ValueError, match=f"it is {kind}"):
            load_model(tmp_path / name)


@pytest.mark.parametrize(
    "suffix", [".keras", ".h5", ".weights.h5", ".hdf5", ".pt", ".pth", ".ONNX"]
)
def test_names_of_other_programs_are_refused(tmp_path: Path, suffix: str) -> None:
    model = stack(4, 2)
    remedy = r"cnnx writes safetensors.*name it model.*\.safetensors$"
    for save in (model.save, model.save_weights, ModelCheckpoint):
        with pytest.raises(ValueError, match=remedy):
            save(tmp_path / f"model{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_longer_than_its_header_says(tmp_path: Path) -> None:
    """A hole of 1 TiB behind the tensors would not fit into the address space of many processes."""
    model = stack(4, 2)
    model.save(tmp_path / "model")
    size = (tmp_path / "model").stat().st_size
    os.truncate(tmp_path / "model", 1 << 40)
    for load in (load_model, model.load_weights):
        match = rf"it has 1,099,511,627,776 bytes, but its header describes {size:,}"
        with pytest.raises(ValueError, match=match):
            load(tmp_path / "model")


# --- weights of other models ----------------------------------------------------------------------


Saved = tuple[list[Path], list[Any]]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """Files of two layers a and b, by save_weights and by save, and their weights."""
    model = stack(4, 2)
    model.compile("adam", "mse")
    model.fit(np.ones((3, 3)), np.ones((3, 2)), verbose=0)  # with a state and a history
    model.save_weights(tmp_path / "weights")
    model.save(tmp_path / "model")
    return [tmp_path / "weights", tmp_path / "model"], model.get_weights()


def test_weights_of_both_kinds_of_files(saved: Saved) -> None:
    files, expected = saved
    for file in files:
        for names in ("ab", "zy", "ba"):  # in the order of the layers, whatever their names
            model = stack(4, 2, names=names)
            model.load_weights(file)
            for one, other in zip(model.get_weights(), expected, strict=True):
                np.testing.assert_array_equal(one, other)


def test_weights_by_the_names_of_layers(saved: Saved) -> None:
    files, expected = saved
    for file in files:
        model = stack(4, 5, 2, names="axb")
        before = model.get_weights()
        with pytest.raises(ValueError, match=r"of 2 layers, the model has 3 .* give by_name=True"):
            model.load_weights(file)
        with pytest.raises(ValueError, match=r"'b' needs kernel \(5, 2\), bias \(2,\), but"):
            model.load_weights(file, by_name=True)
        assert all(map(np.array_equal, model.get_weights(), before))
        with pytest.warns(UserWarning, match=r"'b' needs kernel \(5, 2\).*stays as it is"):
            model.load_weights(file, by_name=True, skip_mismatch=True)
        wanted = [*expected[:2], *before[2:]]
        assert all(map(np.array_equal, model.get_weights(), wanted))
        with pytest.raises(ValueError, match=r"holds weights of 'a', 'b'; none of .* 'x', 'y'"):
            stack(4, 2, names="xy").load_weights(file, by_name=True)


def test_layers_that_do_not_fit_are_skipped(saved: Saved) -> None:
    files, expected = saved
    for file in files:
        model = stack(4, 3, names="xy")
        before = model.get_weights()
        with pytest.raises(ValueError, match=r"'y' needs .* for 'b' .*skip_mismatch=True"):
            model.load_weights(file)
        assert all(map(np.array_equal, model.get_weights(), before))
        with pytest.warns(UserWarning, match="'y' needs kernel"):
            model.load_weights(file, skip_mismatch=True)
        assert all(map(np.array_equal, model.get_weights(), [*expected[:2], *before[2:]]))


# --- places that are no files ---------------------------------------------------------------------


def test_an_error_of_a_full_disk_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/model'"):
        stack(4, 2).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_errors_end_in_one_full_stop(tmp_path: Path) -> None:
    file = tmp_path / "model"
    model = stack(4, 2)
    model.save(file)
    header = file.read_bytes().replace(b"Dense", b"Dance")
    file.write_bytes(header)
    for load in (load_model, model.load_weights):
        file.write_bytes(header[:100])
        with pytest.raises(ValueError, match="model: ") as failure:
            load(file)
        assert ".." not in str(failure.value).replace("...", "")
