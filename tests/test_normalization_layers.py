"""Normalization: what the table of cases does not say."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import layers


def test_normalization_adapts_to_samples() -> None:
    x = 3 * normal(1, 50, 4, 2) + np.float32([5, -1])
    layer = layers.Normalization()
    layer.adapt(x)
    y = layer(x)
    assert_close(y.mean(axis=(0, 1)) + 1, np.ones(2), 1e-5)
    assert_close(y.std(axis=(0, 1)), np.ones(2), 1e-5)
    inverse = layers.Normalization(
        mean=layer.mean.value, variance=layer.variance.value, invert=True
    )
    assert_close(inverse(y), x, 1e-6)
    whole = layers.Normalization(axis=None)
    whole.adapt(x)
    assert_close(whole.mean.value, [x.mean()])
    with pytest.raises(ValueError, match=r"Normalization .*: data must be samples"):
        layers.Normalization().adapt([1.0, 2.0])
    constant = layers.Normalization()
    constant.adapt(np.ones((3, 2)))
    np.testing.assert_array_equal(constant(np.ones((1, 2))), [[0, 0]])


@pytest.mark.parametrize("axis", [-1, None])
def test_normalization_adapts_to_streams(axis: int | None) -> None:
    """Far from 0, where a sum of squares would lose all digits."""
    x = normal(1, 50, 4, 2) + np.float32([5000, -1])
    y = np.arange(50)
    expected = layers.Normalization(axis)
    expected.adapt(x)
    cuts = [(0, 7), (7, 8), (8, 50)]

    class Numbered:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, place: int) -> Any:
            return x[slice(*cuts[place])], y[slice(*cuts[place])]

    endless = (x[slice(*cuts[place % 3])] for place in itertools.count())
    streams = [cnnx.data.ArrayStream(x, y, batch_size=9), (x[i:j] for i, j in cuts), Numbered()]
    for stream, steps in [*((stream, None) for stream in streams), (endless, 3)]:
        layer = layers.Normalization(axis)
        layer.adapt(stream, steps)
        np.testing.assert_allclose(layer.mean.value, expected.mean.value, rtol=1e-6)
        np.testing.assert_allclose(layer.variance.value, expected.variance.value, rtol=1e-5)
    with pytest.raises(ValueError, match="data holds no batches"):
        layers.Normalization().adapt(iter([]))
    if axis is not None:
        with pytest.raises(ValueError, match=r"all batches of data must have 2 channels.*\(3, 5\)"):
            layers.Normalization().adapt(iter([x, np.ones((3, 5))]))


def test_batch_normalization_moves_its_statistics_in_training_alone() -> None:
    layer = layers.BatchNormalization(momentum=0.9)
    x = np.random.default_rng(1).normal(5, 2, (100, 3)).astype(np.float32)
    layer(x)
    np.testing.assert_array_equal(layer.get_weights()[2:], [[0] * 3, [1] * 3])
    layer(x, training=True)
    mean, variance = layer.get_weights()[2:]
    np.testing.assert_allclose(mean, 0.1 * x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x.var(axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.LayerNormalization(axis=0), (2, 3), "axis=(0,) must name axes of samples, 1 to 1"),
        (layers.LayerNormalization(axis=2), (2, 3), "axis=(2,) must name axes of samples, 1 to 1"),
        (layers.LayerNormalization(axis=[1, -1]), (2, 3), "or -1 to -1 for an input with 2 axes"),
        (layers.GroupNormalization(4), (2, 6), "6 channels must be a multiple of groups=4"),
        (layers.GroupNormalization(axis=1), (2, 5, 32), "axis must be -1 or 2, the last of shape"),
    ],
)
def test_normalization_needs_axes_and_groups_that_fit(
    layer: layers.Layer, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer(np.ones(shape))


def test_normalization_of_samples_does_not_look_at_other_samples() -> None:
    x = 100 + normal(1, 5, 4, 3, 6)
    for layer in (layers.LayerNormalization(), layers.GroupNormalization(3)):
        whole = layer(x, training=True)
        np.testing.assert_array_equal(layer(x), whole)
        np.testing.assert_array_equal(layer(x[2:3]), whole[2:3])
