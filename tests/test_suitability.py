"""A cross-entropy says so where the activation before it does not go with it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers
from cnnx.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

X = normal(1, 6, 4)


def fit(units: int, activation: Any, loss: Loss, *after: layers.Layer) -> None:
    last = [layers.Dense(units, activation=activation), *after]
    model = cnnx.Sequential([cnnx.Input((4,)), *last])
    model.compile("sgd", loss)
    y: Any = np.arange(6) % units
    model.fit(X, y if loss.sparse else np.eye(6, units), verbose=0, epochs=2)


@pytest.mark.parametrize(
    ("units", "activation", "loss", "message"),
    [
        (1, "softmax", BinaryCrossentropy(), "softmax of one unit, which is always 1; use sigmoid"),
        (3, "softmax", SparseCategoricalCrossentropy(True), "from_logits=True and applies it once"),
        (1, "sigmoid", BinaryCrossentropy(True), "ends in sigmoid, but binary_crossentropy has"),
        (3, None, SparseCategoricalCrossentropy(), "linear, but .* probabilities that sum to 1"),
        (3, "sigmoid", CategoricalCrossentropy(), "sigmoid, but .* let it end in softmax"),
        (3, "relu", BinaryCrossentropy(), "relu, but .* let it end in sigmoid"),
        (1, None, BinaryCrossentropy(), "linear, but .* let it end in sigmoid"),
    ],
)
@pytest.mark.parametrize("after", [[], [layers.Flatten]], ids=["last", "flattened"])
def test_what_does_not_go_together_is_named_once(
    units: int, activation: Any, loss: Loss, message: str, after: list[type[layers.Layer]]
) -> None:
    with pytest.warns(UserWarning, match=message) as found:
        fit(units, activation, loss, *(layer() for layer in after))
    assert len(found) == 1
    assert found[0].filename == __file__


@pytest.mark.parametrize(
    ("units", "activation", "loss"),
    [
        (3, "softmax", SparseCategoricalCrossentropy()),
        (3, None, SparseCategoricalCrossentropy(True)),
        (3, "softmax", CategoricalCrossentropy()),
        (3, "softmax", BinaryCrossentropy()),
        (3, "sigmoid", BinaryCrossentropy()),
        (1, None, BinaryCrossentropy(True)),
        (3, None, MeanSquaredError()),
    ],
)
def test_what_goes_together(units: int, activation: Any, loss: Loss) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(units, activation, loss)
        fit(units, activation, loss, layers.Flatten())


def test_a_layer_of_the_user_may_do_anything() -> None:
    class Shares(layers.Layer):
        def forward(self, call: Any, x: Any) -> Any:
            return np.abs(x) / np.abs(x).sum(axis=1, keepdims=True)

        def backward(self, call: Any, dy: Any) -> Any:
            return dy

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(3, None, SparseCategoricalCrossentropy(), Shares())
