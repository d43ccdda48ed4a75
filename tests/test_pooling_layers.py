"""Pooling: what the table of cases does not say."""

from __future__ import annotations

import numpy as np

from cnnx import layers
from single_layer import both


def test_weighted_average_pooling_starts_as_the_average() -> None:
    x = np.random.default_rng(1).random((2, 6, 4, 3), np.float32)
    got = layers.WeightedAveragePooling2D((3, 2))(x)
    np.testing.assert_allclose(got, layers.AveragePooling2D((3, 2))(x), rtol=1e-6)


def test_frozen_weighted_pooling_passes_the_gradient_alone() -> None:
    layer = layers.WeightedAveragePooling2D(2, trainable=False)
    layer.build_once((None, 2, 2, 1))
    layer.scale.assign(np.array([3], np.float32))
    _, dx = both(layer, np.ones((1, 2, 2, 1)), np.full((1, 1, 1, 1), 2))
    np.testing.assert_array_equal(dx, np.full((1, 2, 2, 1), 6))
