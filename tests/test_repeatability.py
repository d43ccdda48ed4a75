"""Whole networks: the same bits whatever the number of threads, and the same on every path."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from bench.frameworks.cnnx import build_model
from bench.neighbours import busy
from cnnx import _core, layers
from small_networks import SMALL_NETWORKS, first_weights

BATCH = 6


def trained(name: str, threads: int) -> tuple[cnnx.Model, np.ndarray]:
    """Return a network after two steps, and its outputs."""
    cnnx.config.set_num_threads(threads)
    network = SMALL_NETWORKS[name]
    model = build_model(network, first_weights(name))
    x, y = network.batch(BATCH)
    for _ in range(2):
        model.train_on_batch(x, y)
    return model, model.predict_on_batch(x)


@pytest.mark.every_isa
@pytest.mark.parametrize("name", SMALL_NETWORKS)
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


def test_a_busy_machine_changes_no_bit() -> None:
    """Other processes and other callers take threads away, and operations take fewer."""

    def train(name: str) -> list[bytes]:
        network = SMALL_NETWORKS[name]
        model = build_model(network, first_weights(name))
        x, y = network.batch(32)
        for _ in range(20):
            model.train_on_batch(x, y)
        return [weight.tobytes() for weight in model.get_weights()]

    names = ["numpy_cnn", "lenet5", "mnist_gap"]
    try:
        cnnx.config.set_num_threads(1)
        expected = [train(name) for name in names]
        for threads in (2, 3):
            cnnx.config.set_num_threads(threads)
            with busy(2), ThreadPoolExecutor(len(names)) as pool:
                assert [train(name) for name in names] == expected
                assert list(pool.map(train, names)) == expected
    finally:
        cnnx.config.set_num_threads(0)


def test_fit_has_the_same_bits_with_the_same_seed() -> None:
    """Weights, order of the samples, dropout and augmentation: on any number of threads."""

    def fitted(seed: int, threads: int) -> tuple[object, list[bytes]]:
        cnnx.config.set_num_threads(threads)
        cnnx.utils.set_random_seed(seed)
        model = cnnx.Sequential(
            [
                cnnx.Input((28, 28, 1)),
                layers.RandomRotation(0.1),
                layers.RandomContrast(0.2, value_range=None),
                layers.Conv2D(16, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.MaxPooling2D(2),
                layers.Dropout(0.3),
                layers.Flatten(),
                layers.Dense(32, activation="tanh"),
                layers.GaussianDropout(0.2),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        x, y = normal(1, 90, 28, 28, 1), np.arange(90) % 10
        history = model.fit(x, y, 20, 2, verbose=0, validation_split=0.2).history
        return history, [weight.tobytes() for weight in model.get_weights()]

    first = fitted(1, 1)
    assert fitted(2, 1) != first
    for threads in (1, 2, 3):
        assert fitted(1, threads) == first


def test_trainings_side_by_side_have_the_bits_of_their_seeds() -> None:
    """Weights, order, dropout, evaluations of each: three threads that seed, one that does not."""
    x, y = normal(1, 60, 5), np.arange(60) % 3

    def fitted(seed: int | None) -> list[bytes]:
        if seed is not None:
            cnnx.utils.set_random_seed(seed)
        model = cnnx.Sequential(
            [cnnx.Input((5,)), layers.Dense(8, "relu"), layers.Dropout(0.3), layers.Dense(3)]
        )
        model.compile("sgd", cnnx.losses.SparseCategoricalCrossentropy(from_logits=True))
        for _ in range(15):  # a switch between threads is likely
            model.fit(x, y, 7, verbose=0)
        return [weight.tobytes() for weight in model.get_weights()]

    alone = [fitted(seed) for seed in (1, 2, 3)]
    cnnx.utils.set_random_seed(4)
    before = cnnx.random.generator()
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(fitted, (1, 2, 3)))
    assert together == alone
    assert cnnx.random.generator() is before
    with ThreadPoolExecutor(1) as pool:
        of_global = pool.submit(fitted, None).result()  # the main thread's seed is 4
    assert of_global == fitted(4)


@pytest.mark.parametrize("name", ["catdog", "vgg_cifar", "mnist_gap"])
def test_gradients_agree_on_every_path(name: str) -> None:
    """Rounding moves a few gradients to another pixel of a window: the tolerance is wide."""
    network = SMALL_NETWORKS[name]
    x, y = network.batch(BATCH)
    gradients = {}
    for algorithm in ("im2col", "direct", "winograd", "auto"):
        cnnx.config.set_conv_algorithm(algorithm)
        model = build_model(network, first_weights(name))
        model.train_on_batch(x, y)
        gradients[algorithm] = model.parameters.gradients.copy()
    for algorithm, gradient in gradients.items():
        assert_close(gradient, gradients["im2col"], 5e-3, algorithm)
