"""Networks whose inputs leave sizes open, and what is given to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import cnnx
from cnnx import layers

OPEN, SIGNAL = (None, None, 3), (None, 3)
SIZES = [(12, 9), (17, 20), (12, 20)]


def images(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def labels(*shape: int, classes: int = 4, seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(0, classes, shape)


def classifier(shape: Sequence[int | None] = OPEN) -> cnnx.Model:
    return cnnx.Sequential(
        [
            cnnx.Input(shape),
            layers.Conv2D(6, 3, activation="relu"),
            layers.MaxPooling2D(padding="same"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3, padding="same", activation="relu6"),
            layers.Conv2D(5, 1, activation="tanh"),
            layers.SpatialDropout2D(0.2, seed=3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ],
        name="classifier",
    )


def segmenter(shape: Sequence[int | None] = OPEN) -> cnnx.Model:
    """Return a small U-Net, which pads images of odd sizes before it halves them."""
    image = cnnx.Input(shape)
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D()(first)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2DTranspose(4, 2, strides=2)(x)
    x = layers.Concatenate()([x, first])
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, gate])
    return cnnx.Model(image, layers.Conv2D(3, 1, activation="softmax")(x), name="segmenter")


def signals(shape: Sequence[int | None] = SIGNAL) -> cnnx.Model:
    return cnnx.Sequential(
        [
            cnnx.Input(shape),
            layers.Conv1D(5, 3, padding="causal", activation="relu"),
            layers.MaxPooling1D(2),
            layers.SeparableConv1D(4, 3, padding="same"),
            layers.LayerNormalization(),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ]
    )


def channels_first(shape: Sequence[int | None] = (3, None, None)) -> cnnx.Model:
    """Return a network whose images have their channels first."""
    layout = {"data_format": "channels_first"}
    image = cnnx.Input(shape)
    first = layers.Conv2D(4, 3, padding="same", activation="relu", **layout)(image)
    x = layers.BatchNormalization(axis=1)(layers.MaxPooling2D(**layout)(first))
    x = layers.Concatenate(axis=1)([layers.UpSampling2D(**layout)(x), first])
    x = layers.GlobalAveragePooling2D(**layout)(x)
    return cnnx.Model(image, layers.Dense(4, activation="softmax")(x))


CASES = [
    (classifier, [(12, 9, 3), (17, 20, 3), (12, 20, 3)]),
    (segmenter, [(12, 8, 3), (16, 20, 3), (12, 20, 3)]),
    (signals, [(11, 3), (24, 3), (8, 3)]),
    (channels_first, [(3, 12, 8), (3, 6, 20), (3, 12, 20)]),
]


def twin(build: Callable[..., cnnx.Model], model: cnnx.Model, shape: Sequence[int]) -> cnnx.Model:
    """Return the network of one size with the weights of another."""
    fixed = build(shape)
    fixed.set_weights(model.get_weights())
    return fixed


def sized(shape: Sequence[int | None], *extents: int) -> tuple[int, ...]:
    left = iter(extents)
    return tuple(next(left) if extent is None else extent for extent in shape)


def assert_same(one: Any, other: Any) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
