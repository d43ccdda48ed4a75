"""Dropout, noise and augmentation: what the table of cases does not say."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import normal
from cnnx import layers
from single_layer import backward, forward


def test_dropout_drops_the_same_elements_on_the_way_back() -> None:
    layer = layers.Dropout(0.25, seed=3)
    x = np.full((50, 40), 3, np.float32)
    layer.build_once((None, 40))
    call = forward(layer, x)
    y = call.y.copy()
    np.testing.assert_array_equal(np.unique(y), [0, 4])
    assert np.mean(y == 0) == pytest.approx(0.25, abs=0.05)
    np.testing.assert_array_equal(backward(layer, call, x), y)
    assert not np.array_equal(layer(x, training=True), y)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layers.Dropout(0.25, seed=3)(x, training=True), y)


def test_dropout_drops_together_where_the_noise_has_an_extent_of_1() -> None:
    x = np.full((300, 3, 5), 3, np.float32)
    layer = layers.Dropout(0.25, (None, 1, 1), 3)
    y = layer(x, training=True)
    np.testing.assert_array_equal(y, y[:, :1, :1] + np.zeros_like(y))
    assert np.mean(y[:, 0, 0] == 0) == pytest.approx(0.25, abs=0.08)
    every = layers.Dropout(0.25, (None, None, None), seed=3)(x, training=True)
    np.testing.assert_array_equal(every, layers.Dropout(0.25, seed=3)(x, training=True))
    rows = layers.Dropout(0.25, noise_shape=(300, 1, 1), seed=3)
    np.testing.assert_array_equal(rows(x, training=True), y)
    with pytest.raises(ValueError, match=r"is for batches of 300, got 2 samples; None suits"):
        rows(x[:2], training=True)
    for shape in [(None, 1), (None, 2, 1), (None, 1, 1, 1)]:
        with pytest.raises(ValueError, match=r"must have an extent for each axis of the input"):
            layers.Dropout(0.25, shape)(x)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = normal(1, 1000, 400)
    y = layers.AlphaDropout(0.3, seed=3)(x, training=True)
    assert y.mean() == pytest.approx(0, abs=0.01)
    assert y.std() == pytest.approx(1, abs=0.01)
    assert len(np.unique(y)) < 0.75 * y.size  # what is dropped is one number
    np.testing.assert_array_equal(layers.AlphaDropout(0.3)(x), x)


def test_gaussian_dropout_multiplies_by_the_same_noise_on_the_way_back() -> None:
    layer = layers.GaussianDropout(0.2, seed=3)
    x = np.full((500, 40), 3, np.float32)
    layer.build_once((None, 40))
    call = forward(layer, x)
    y = call.y.copy()
    assert y.mean() == pytest.approx(3, abs=0.06)
    assert y.std() == pytest.approx(3 * 0.5, abs=0.06)
    np.testing.assert_array_equal(backward(layer, call, x), y)
    assert not np.array_equal(layer(x, training=True), y)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layers.GaussianDropout(0.2, seed=3)(x, training=True), y)


def test_spatial_dropout_drops_whole_channels() -> None:
    x = np.full((40, 3, 2, 50), 3, np.float32)
    layer = layers.SpatialDropout2D(0.25, seed=3)
    y = layer(x, training=True)
    np.testing.assert_array_equal(y, y[:, :1, :1] + np.zeros_like(y))
    np.testing.assert_array_equal(np.unique(y), [0, 4])
    assert np.mean(y == 0) == pytest.approx(0.25, abs=0.05)
    np.testing.assert_array_equal(layer(x), x)
    with pytest.raises(ValueError, match=r"SpatialDropout2D .* expects images \(batch, height"):
        layers.SpatialDropout2D(0.5)(x[0])
    with pytest.raises(ValueError, match=r"expects sequences \(batch, steps, channels\), got"):
        layers.SpatialDropout1D(0.5)(x)


def test_gaussian_noise_is_added_in_training_alone() -> None:
    layer = layers.GaussianNoise(0.2, seed=3)
    x = np.full((500, 40), 3, np.float32)
    layer.build_once((None, 40))
    call = forward(layer, x)
    y = call.y.copy()
    assert y.mean() == pytest.approx(3, abs=0.01)
    assert y.std() == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(backward(layer, call, x), x)
    assert not np.array_equal(layer(x, training=True), y)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layers.GaussianNoise(0.2, seed=3)(x, training=True), y)
