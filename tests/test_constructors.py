"""Arguments of constructors: what is shown of them, and which are taken."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import callbacks, initializers, layers, losses, metrics, optimizers

pytestmark = pytest.mark.one_isa

CLASSES = [
    cnnx.Model,
    cnnx.Sequential,
    callbacks.EarlyStopping,
    initializers.HeNormal,
    layers.Conv2D,
    layers.Dense,
    losses.Huber,
    metrics.AUC,
    optimizers.Adam,
]


@pytest.mark.parametrize("cls", CLASSES)
def test_the_signature_of_a_class_is_that_of_its_constructor(cls: Any) -> None:
    names = list(inspect.signature(cls.__init__).parameters)
    assert ["self", *inspect.signature(cls).parameters] == names
    assert cls.__signature__ == inspect.signature(cls)  # whatever Python looks at first


def test_the_signature_of_a_layer_is_that_of_a_call() -> None:
    assert list(inspect.signature(layers.Dense(3)).parameters) == ["inputs", "training"]


class Scaled(layers.Layer):
    """Keeps options of its own that the class above does not know."""

    def __init__(self, factor: float, **options: Any) -> None:
        super().__init__()
        self.factor, self.options = factor, options

    def forward(self, call: Any, x: Any) -> Any:
        return self.factor * x


class Wider(layers.Dense):
    """Hands what it does not know to the class above."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(2 * units, **options)


def test_a_class_of_a_user_takes_arguments_of_any_name() -> None:
    layer = Scaled(2.0, colour="red")
    assert layer.options == {"colour": "red"}
    np.testing.assert_array_equal(layer(np.ones((1, 2), np.float32)), [[2, 2]])


def test_what_a_class_of_a_user_hands_on_is_checked() -> None:
    assert Wider(2, activation="relu").units == 4
    with pytest.raises(TypeError, match="activaton"):
        Wider(2, activaton="relu")


def test_the_arguments_of_a_function_are_no_misspelt_ones() -> None:
    metric = metrics.MeanMetricWrapper(losses.huber, "far", delta=0.5)
    assert metric.arguments == {"delta": 0.5}
