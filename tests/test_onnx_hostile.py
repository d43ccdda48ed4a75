"""Whatever a file says, reading it ends in a network or in an error that names the file."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

import cnnx
from hostile_onnx import good_files, spoilt
from onnx_peers import by_onnxruntime

pytestmark = pytest.mark.one_isa


def check_named(path: Path, error: ValueError) -> None:
    assert str(path) in str(error)


def memory() -> int:
    """Return the most memory that this process has taken, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@pytest.mark.parametrize("number", range(3))
def test_the_good_files_are_read(number: int, tmp_path: Path) -> None:
    path = tmp_path / "good.onnx"
    path.write_bytes(good_files()[number])
    model = cnnx.onnx.load(path)
    x = np.random.default_rng(2).random((3, *model.input_shape[1:]), np.float32)
    np.testing.assert_allclose(
        model.predict(x), by_onnxruntime(path, {"x": x})[0], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("count", [400, pytest.param(40_000, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("number", range(3))
def test_strange_numbers_anywhere(number: int, count: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(number)
    content, path = good_files()[number], tmp_path / "strange.onnx"
    before, read = memory(), 0
    for turn in range(count):
        path.write_bytes(spoilt(content, lambda limit: int(generator.integers(limit))))
        batch_axis = None if turn % 4 == 0 else 0
        try:
            cnnx.onnx.load(path, batch_axis=batch_axis)
            read += 1
        except ValueError as error:
            check_named(path, error)
    assert 0.02 * count < read < 0.9 * count
    assert memory() - before < 1 << 30


@pytest.mark.parametrize("number", range(3))
def test_bytes_that_are_changed(number: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(10 + number)
    content, path = good_files()[number], tmp_path / "damaged.onnx"
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(generator.integers(1, 5)):
            damaged[generator.integers(len(damaged))] = generator.integers(256)
        if generator.random() < 0.2:
            del damaged[generator.integers(len(damaged)) :]
        path.write_bytes(damaged)
        try:
            cnnx.onnx.load(path)
        except ValueError as error:
            check_named(path, error)
