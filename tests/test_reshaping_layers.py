"""Resizing, moving and choosing numbers: what the table of cases does not say."""

from __future__ import annotations

import re

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.Permute((2, 1)), (2, 3, 4, 5), "dims=(2, 1) is for samples of 2 axes, got shape"),
        (layers.RepeatVector(2), (2, 3, 4), "expects rows (batch, features), got shape (None, 3,"),
        (layers.ZeroPadding2D(), (2, 3, 4), "grey images need a channel axis"),
        (layers.ZeroPadding1D(), (2, 3), "expects sequences (batch, steps, channels), got shape"),
        (layers.Cropping2D((1, 2)), (1, 5, 4, 1), "((1, 1), (2, 2)) leaves nothing of the input's"),
        (layers.Cropping1D(2), (1, 4, 1), "cropping=((2, 2),) leaves nothing of the input's"),
        (layers.UpSampling1D(), (2, 3), "expects sequences (batch, steps, channels), got shape"),
        (layers.UpSampling2D(2**20), (1, 2, 2, 1), "2097152x2097152 pixels, which is too big for"),
    ],
    ids=str,
)
def test_places_and_sizes_must_fit(
    layer: layers.Layer, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer(np.ones(shape))


@pytest.mark.parametrize("dims", [(1, 3), (2, 2), (1, 2, 4)])
def test_permute_needs_each_axis_once(dims: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Permute 'p': dims must"):
        layers.Permute(dims, name="p")


def test_bilinear_upsampling_by_hand() -> None:
    """Half-pixel centres: a quarter and three quarters, and the outermost pixels repeated."""
    x = np.array([0, 4, 8], np.float32).reshape(1, 1, 3, 1)
    y = layers.UpSampling2D((1, 2), interpolation="bilinear")(x)
    np.testing.assert_array_equal(y.ravel(), [0, 1, 3, 5, 7, 8])
    y = layers.UpSampling2D((1, 3), interpolation="bilinear")(x)
    np.testing.assert_allclose(y.ravel(), np.array([0, 0, 4, 8, 12, 16, 20, 24, 24]) / 3, rtol=1e-6)


def test_cropping_undoes_padding_in_a_model() -> None:
    model = cnnx.Sequential([cnnx.Input((4, 4, 3)), layers.Identity(), layers.ZeroPadding2D(2)])
    model.add(layers.Cropping2D(2))
    x = normal(1, 2, 4, 4, 3)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
