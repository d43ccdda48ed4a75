"""Networks as ONNX files: other programs compute the same of them, and so does what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
import test_merging_layers
from agreement import assert_close, normal
from cnnx import layers
from onnx_peers import PEERS, by_peer
from test_layers import CASES

BATCH = 3


def one_layer(name: str) -> cnnx.Model:
    case = CASES[name]
    x = cnnx.Input(case.input_shape, name="x")
    return cnnx.Model(x, case.layer_class(**case.arguments, name="y")(x))


def merging(name: str) -> cnnx.Model:
    cls, arguments, _ = test_merging_layers.CASES[name]
    inputs = [cnnx.Input((3, 4, 2), name=f"x{place}") for place in range(2)]
    return cnnx.Model(inputs, cls(**arguments, name="y")(inputs))


def randomised(model: cnnx.Model) -> cnnx.Model:
    for place, weight in enumerate(model.weights):
        weight.assign(np.abs(normal(10 + place, *weight.shape)) + np.float32(0.1))
    return model


def samples(model: cnnx.Model) -> dict[str, Any]:
    shapes = [value.shape[1:] for value in model.graph.inputs]
    return {
        name: normal(place, BATCH, *shape)
        for place, (name, shape) in enumerate(zip(model.input_names, shapes, strict=True))
    }


def outputs(model: cnnx.Model, inputs: Any) -> list[np.ndarray]:
    found = model.predict(inputs if len(inputs) > 1 else next(iter(inputs.values())))
    if isinstance(found, dict):
        return list(found.values())
    return found if isinstance(found, list) else [found]


def check(model: cnnx.Model, path: Path, peer: str, reads: bool = True) -> None:
    """Compare a model with what a peer computes of its file, and what is read from that."""
    inputs = samples(model)
    expected = outputs(model, inputs)
    cnnx.onnx.save(model, path)
    found = by_peer(peer, path, inputs)
    compare(found, expected, peer)
    if reads:
        compare(outputs(cnnx.onnx.load(path), inputs), expected, "read again")


def compare(found: list[np.ndarray], expected: list[np.ndarray], what: str) -> None:
    for one, wanted in zip(found, expected, strict=True):
        assert_close(one, wanted, 1e-5, what)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_computed_alike(name: str, peer: str, tmp_path: Path) -> None:
    reads = name not in ("relu, above a threshold", "relu of three pieces")  # Where, Greater
    check(randomised(one_layer(name)), tmp_path / "model.onnx", peer, reads)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", test_merging_layers.CASES)
def test_a_merging_layer_is_computed_alike(name: str, peer: str, tmp_path: Path) -> None:
    check(merging(name), tmp_path / "model.onnx", peer)


def test_every_layer_can_be_written() -> None:
    from cnnx.onnx.layer_nodes import LAYERS

    assert {cls.__name__ for cls in LAYERS} == set(layers.LAYERS) - {"InputLayer"}
