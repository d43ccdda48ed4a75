"""Whole networks: the same bits whatever the number of threads, and the same on every path."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import cnnx
from agreement import assert_close
from bench.frameworks.cnnx import build_model
from bench.networks import NETWORKS
from cnnx import _core

BATCH = 6


@pytest.fixture(autouse=True)
def restore_algorithm() -> Iterator[None]:
    before = cnnx.config.conv_algorithm()
    yield
    cnnx.config.set_conv_algorithm(before)


def trained(name: str, threads: int) -> tuple[cnnx.Sequential, np.ndarray]:
    """Return a network after two steps, and its outputs."""
    cnnx.config.set_num_threads(threads)
    network = NETWORKS[name]
    model = build_model(network, network.weights())
    x, y = network.batch(BATCH)
    for _ in range(2):
        model.train_on_batch(x, y)
    return model, model.predict_on_batch(x)


@pytest.mark.every_isa
@pytest.mark.parametrize("name", NETWORKS)
def test_training_has_the_same_bits_on_any_number_of_threads(name: str) -> None:
    isa = _core.active_isa()
    try:
        for candidate in _core.available_isas():
            _core.set_isa(candidate)
            model, outputs = trained(name, 1)
            for threads in (2, 3):
                again, same = trained(name, threads)
                np.testing.assert_array_equal(same, outputs)
                for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
                    np.testing.assert_array_equal(one, other)
    finally:
        _core.set_isa(isa)
        cnnx.config.set_num_threads(0)


@pytest.mark.parametrize("name", ["catdog", "vgg_cifar", "mnist_gap"])
def test_gradients_agree_on_every_path(name: str) -> None:
    """Rounding moves a few gradients to another pixel of a window: the tolerance is wide."""
    network = NETWORKS[name]
    x, y = network.batch(BATCH)
    gradients = {}
    for algorithm in ("im2col", "direct", "winograd", "auto"):
        cnnx.config.set_conv_algorithm(algorithm)
        model = build_model(network, network.weights())
        model.train_on_batch(x, y)
        gradients[algorithm] = model.parameters.gradients.copy()
    for algorithm, gradient in gradients.items():
        assert_close(gradient, gradients["im2col"], 5e-3, algorithm)
