"""T6: LeNet-5 and AlexNet, layer by layer; T3: their drawings."""

from __future__ import annotations

import runpy
import sys
import tracemalloc
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "lenet5_alexnet.py"
ALEXNET = {
    "conv1": ((55, 55, 96), 34_944),
    "pool1": ((27, 27, 96), 0),
    "conv2": ((27, 27, 256), 307_456),
    "pool2": ((13, 13, 256), 0),
    "conv3": ((13, 13, 384), 885_120),
    "conv4": ((13, 13, 384), 663_936),
    "conv5": ((13, 13, 256), 442_624),
    "pool5": ((6, 6, 256), 0),
    "flatten": ((9216,), 0),
    "fc6": ((4096,), 37_752_832),
    "dropout6": ((4096,), 0),
    "fc7": ((4096,), 16_781_312),
    "dropout7": ((4096,), 0),
    "fc8": ((1000,), 4_097_000),
}
LENET5 = {
    "C1": ((28, 28, 6), 156),
    "S2": ((14, 14, 6), 0),
    "C3": ((10, 10, 16), 2_416),
    "S4": ((5, 5, 16), 0),
    "C5": ((1, 1, 120), 48_120),
    "flatten": ((120,), 0),
    "F6": ((84,), 10_164),
    "output": ((10,), 850),
}


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def layer_by_layer(model: cnnx.Sequential) -> dict[str, tuple[tuple[int, ...], int]]:
    return {layer.name: (layer.output_shape[1:], layer.count_params()) for layer in model.layers}


def test_t6_lenet5(example: dict[str, Any]) -> None:
    model = example["lenet5"]()
    assert layer_by_layer(model) == LENET5
    assert model.count_params() == 61_706
    digits = np.zeros((3, 32, 32, 1))
    np.testing.assert_allclose(model.predict(digits, verbose=0).sum(axis=1), 1, rtol=1e-6)


def test_t6_alexnet_in_little_more_memory_than_its_weights(example: dict[str, Any]) -> None:
    tracemalloc.start()
    model = example["alexnet"]()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert layer_by_layer(model) == ALEXNET
    assert model.count_params() == 60_965_224
    assert peak < 1.02 * 4 * 60_965_224


def test_t3_the_program_prints_the_counts_and_draws_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--out", str(tmp_path)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    output = capsys.readouterr().out
    assert "Total params: 61,706 (241.04 KB)" in output
    assert "Total params: 60,965,224 (232.56 MB)" in output
    assert "conv2 (Conv2D)                  │ (None, 27, 27, 256)    │       307,456" in output
    for name, expected in (("lenet5", LENET5), ("alexnet", ALEXNET)):
        shown = ROOT / "docs" / "pictures" / f"{name}.svg"
        assert (tmp_path / shown.name).read_bytes() == shown.read_bytes()
        drawing = ET.parse(tmp_path / f"{name}.svg")
        texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
        for layer, (shape, count) in expected.items():
            assert texts.count(layer) == 1
            assert " x ".join(map(str, shape)) in texts
            assert not count or f"{count:,} parameters" in texts
