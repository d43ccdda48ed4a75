"""O12. Batch normalisation and dropout."""

from __future__ import annotations

import numpy as np
import pytest

from cnnx import layers


@pytest.mark.parametrize(("units", "parameters"), [(64, 256), (32, 128)])
def test_o12_four_numbers_for_each_unit(units: int, parameters: int) -> None:
    """S0 11.6.2's summary: gamma, beta, and the running mean and variance, which don't learn."""
    layer = layers.BatchNormalization()
    layer(np.zeros((1, units)))
    assert layer.count_params() == parameters == 4 * units
    assert sum(weight.size for weight in layer.non_trainable_weights) == 2 * units
    names = [weight.path.split("/")[1] for weight in layer.weights]
    assert names == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_o12_training_takes_the_statistics_of_the_batch() -> None:
    x = np.array([[1, 10], [3, 10], [5, 40]], np.float32)
    layer = layers.BatchNormalization(epsilon=1e-6)
    y = layer(x, training=True)
    np.testing.assert_allclose(y[:, 0], np.array([-1, 0, 1]) * np.sqrt(1.5), rtol=1e-5)
    np.testing.assert_allclose(y[:, 1], np.array([-1, -1, 2]) / np.sqrt(2), rtol=1e-5)
    layer.set_weights([[2, 1], [5, 0], *layer.get_weights()[2:]])
    again = layer(x, training=True)
    np.testing.assert_allclose(again, y * [2, 1] + [5, 0], rtol=1e-5)


def test_o12_inference_takes_the_running_statistics() -> None:
    """They follow those of the batches: running = .99 running + .01 batch."""
    x = np.array([[1, 10], [3, 10], [5, 40]], np.float32)
    layer = layers.BatchNormalization(epsilon=1e-6)
    layer(x, training=True)
    mean, variance = layer.get_weights()[2:]
    np.testing.assert_allclose(mean, [0.03, 0.2], rtol=1e-5)
    np.testing.assert_allclose(variance, [0.99 + 0.01 * 8 / 3, 0.99 + 0.01 * 200], rtol=1e-5)
    np.testing.assert_allclose(layer(x), (x - mean) / np.sqrt(variance + 1e-6), rtol=1e-5)


def test_o12_bernoulli_dropout() -> None:
    """In training a share of .2 is 0 and the rest is divided by .8; at inference nothing is."""
    x = np.ones((1000, 100), np.float32)
    layer = layers.Dropout(0.2, seed=1)
    y = layer(x, training=True)
    np.testing.assert_array_equal(np.unique(y), np.float32([0, 1.25]))
    assert np.mean(y == 0) == pytest.approx(0.2, abs=0.005)
    np.testing.assert_array_equal(layer(x), x)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_o12_gaussian_dropout(rate: float) -> None:
    """S0 Programme 11.6.6: factors of mean 1 and variance rate / (1 - rate)."""
    x = np.full((1000, 100), 3, np.float32)
    layer = layers.GaussianDropout(rate, seed=1)
    factors = layer(x, training=True).astype(float) / 3
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert factors.var() == pytest.approx(rate / (1 - rate), rel=0.02)
    inside = np.abs(factors - 1) < np.sqrt(rate / (1 - rate))
    assert inside.mean() == pytest.approx(0.6827, abs=0.005)  # of a normal distribution
    np.testing.assert_array_equal(layer(x), x)
