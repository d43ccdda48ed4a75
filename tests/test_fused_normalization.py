"""Batch normalisation runs in one pass with what comes before and after it."""

from __future__ import annotations

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import layers
from cnnx.graph.fusions import fuse
from cnnx.graph.passes import ConvolutionPass
from fused_networks import ACTIVATIONS, check_against_single_layers, stack, steps_of


@pytest.mark.parametrize(
    ("rectifier", "together"),
    [
        (layers.ReLU(), True),
        (layers.LeakyReLU(0.2), True),
        (layers.ELU(), True),
        (layers.ReLU(6), True),
        (layers.ReLU(5), True),
        (layers.ReLU(3, 0.1, 0.25), True),
        (layers.LeakyReLU(), True),
        (layers.ELU(0.5), True),
        (layers.Activation("selu"), True),
        (layers.Activation("squareplus"), True),
        (layers.Activation("gelu"), False),
        (layers.PReLU(), False),
    ],
)
def test_rectifiers_of_the_core_are_fused(rectifier: layers.Layer, together: bool) -> None:
    model = stack(layers.Conv2D(5, 3), layers.BatchNormalization(), rectifier)
    name = type(rectifier).__name__
    steps = [f"BatchNormalization {name}"] if together else ["BatchNormalization", name]
    assert steps_of(model)[1:-2] == steps
    check_against_single_layers(model)


def test_pooled_normalization_keeps_what_others_need() -> None:
    model = stack(
        layers.Conv2D(5, 3, activation="relu"),  # its output is needed backwards
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
    )
    check_against_single_layers(model)
    x = normal(3, 4, 8, 8, 2)
    first = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 2)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    first.compile("sgd", "mse")
    before = x.copy()
    first.train_on_batch(x, normal(2, 4, 2))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("pooling", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_normalization_activation_and_pooling(activation: str, pooling: bool) -> None:
    model = stack(
        layers.Conv2D(5, 3),
        layers.BatchNormalization(),
        layers.Activation(activation),
        *([layers.MaxPooling2D(2)] if pooling else []),
        layers.Conv2D(4, 3, activation="relu"),
        layers.BatchNormalization(),
    )
    first = "BatchNormalization Activation" + pooling * " MaxPooling2D"
    assert steps_of(model) == [
        *["Conv2D", first],
        *["Conv2D", "BatchNormalization"],
        *["Flatten", "Dense"],
    ]
    check_against_single_layers(model)


def test_a_dropout_in_use_parts_no_pass() -> None:
    image, convolution = cnnx.Input((9, 10, 3)), layers.Conv2D(3, 1)
    x, normalization = layers.Conv2D(3, 3, padding="same")(image), layers.BatchNormalization()
    y = layers.Dropout(0.5, (None, 1, 1, 1))(normalization(convolution(x)))
    model = cnnx.Model(image, layers.Dropout(0.2)(layers.ReLU()(layers.Add()([x, y]))))
    assert steps_of(model, training=False) == [
        *["Conv2D", "Conv2D BatchNormalization Add ReLU", "Dropout"],
    ]
    assert "BatchNormalization" in steps_of(model)
    batch = normal(1, 2, 9, 10, 3)
    before = model.layers[1](batch)
    sums = before + normalization(convolution(before))
    assert_close(model.predict_on_batch(batch), np.maximum(sums, 0))
    branch = cnnx.Model(image, y)
    assert_close(branch.predict_on_batch(batch), normalization(convolution(before)))


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
@pytest.mark.parametrize("use_bias", [True, False])
def test_normalization_folds_into_the_convolution(options: dict[str, bool], use_bias: bool) -> None:
    model = stack(
        layers.Conv2D(5, 3, use_bias=use_bias),
        layers.BatchNormalization(**options),
        layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.Dropout(0.5),
        layers.Conv2D(4, 3, activation="relu"),
        layers.BatchNormalization(),
    )
    x, y = normal(1, 4, 9, 10, 3), normal(2, 4, 2)
    for change in (
        lambda: None,
        lambda: model.train_on_batch(x, y),
        lambda: model.layers[0].kernel.assign(normal(3, 3, 3, 3, 5)),
        lambda: model(x, training=True),  # moves the moving statistics
    ):
        change()
        expected = x
        for layer in model.layers:
            expected = layer(expected)
        assert_close(model.predict_on_batch(x), expected)


@pytest.mark.parametrize(
    "convolution", [layers.DepthwiseConv2D(3, depth_multiplier=2), layers.Conv1D(5, 3)]
)
def test_normalization_folds_into_other_convolutions(convolution: layers.Layer) -> None:
    shaping = [layers.Reshape((-1, 6))] if isinstance(convolution, layers.Conv1D) else []
    model = stack(*shaping, convolution, layers.BatchNormalization(), layers.ReLU())
    assert [type(step.operation) for step in fuse(model.graph, training=False)].count(
        ConvolutionPass
    ) == 1
    model(normal(1, 4, 9, 10, 3), training=True)  # moves the moving statistics
    check_against_single_layers(model)


def test_weights_change_by_assign_alone() -> None:
    weight = stack(layers.Conv2D(5, 3)).layers[0].kernel
    with pytest.raises(ValueError, match="read-only"):
        weight.value[...] = 0
