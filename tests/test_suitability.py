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
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

pytestmark = pytest.mark.one_isa

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
        (1, "sigmoid", BinaryFocalCrossentropy()),
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


PIXELS = np.arange(12 * 8 * 8, dtype=np.float32).reshape(12, 8, 8, 1) % 256
LABELS = np.arange(12) % 3


def classifier(*first: layers.Layer) -> cnnx.Sequential:
    last = [layers.Flatten(), layers.Dense(3, activation="softmax")]
    model = cnnx.Sequential([cnnx.Input((8, 8, 1)), *first, *last])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ([layers.Conv2D(2, 3, name="windows")], "windows"),
        ([layers.MaxPooling2D(), layers.Conv2D(2, 3, name="windows")], "windows"),
        ([layers.RandomFlip(), layers.Dropout(0.1), layers.Flatten()], "dense"),
    ],
    ids=["convolution", "pooled", "augmented"],
)
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_pixels_up_to_255_before_weights(first: Any, name: str, kind: str) -> None:
    model = cnnx.models.clone_model(classifier(*first))
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match=f"reach '{name}.*' go up to 255; .*Rescaling"):
        model.fit(PIXELS.astype(kind), LABELS, verbose=0)
    with warnings.catch_warnings():  # once is enough
        warnings.simplefilter("error")
        model.fit(PIXELS.astype(kind), LABELS, verbose=0)


def test_pixels_of_a_stream_up_to_255() -> None:
    with pytest.warns(UserWarning, match="go up to 255"):
        classifier().fit(iter([(PIXELS, LABELS)]), verbose=0)


class Half(layers.Layer):
    """A layer of a user."""

    def forward(self, call: Any, x: Any) -> Any:
        return x / 2

    def backward(self, call: Any, dy: Any) -> Any:
        return dy / 2


@pytest.mark.parametrize(
    "first",
    [
        [layers.Rescaling(1 / 255)],
        [layers.BatchNormalization()],
        [layers.Flatten(), layers.LayerNormalization()],
        [layers.MaxPooling2D(), layers.Rescaling(1 / 255), layers.Conv2D(2, 2)],
        [Half()],
    ],
    ids=["rescaling", "batch_norm", "layer_norm", "pooled", "own"],
)
def test_pixels_that_the_network_scales_itself(first: Any) -> None:
    classifier(*first).fit(PIXELS, LABELS, verbose=0)


@pytest.mark.parametrize("x", [PIXELS / 255, PIXELS - 128, PIXELS * 2], ids=["1", "-128", "510"])
def test_values_that_are_no_pixels_of_255(x: Any) -> None:
    classifier(layers.Conv2D(2, 3)).fit(x, LABELS, verbose=0)
