"""Convolutions run in one pass with the activations and poolings that follow them."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import activations, layers
from cnnx.activations import Activation
from cnnx.layers.call import Call
from fused_networks import ACTIVATIONS, check_against_single_layers, stack, steps_of


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_convolution_activation_and_pooling(activation: str, apart: bool) -> None:
    own = "linear" if apart else activation
    between = [layers.Activation(activation)] if apart else []
    model = stack(
        layers.Conv2D(5, 3, activation=own),
        *between,
        layers.MaxPooling2D(2),
        layers.Conv2D(4, 3, padding="same", activation=activation),
    )
    first = "Conv2D Activation MaxPooling2D" if apart else "Conv2D MaxPooling2D"
    assert steps_of(model) == [first, "Conv2D", "Flatten", "Dense"]
    check_against_single_layers(model)


@pytest.mark.parametrize("activation", ["silu", "hard_silu"])
def test_activations_with_derivatives_of_their_input_run_with_others_in_use(
    activation: str,
) -> None:
    model = stack(
        layers.Conv2D(5, 3),
        layers.BatchNormalization(),
        layers.Activation(activation),
        layers.MaxPooling2D(2),
        layers.Conv2DTranspose(4, 3, activation=activation),
        layers.Conv2D(4, 3, activation=activation),
    )
    rest = ["Conv2DTranspose", "Conv2D", "Flatten", "Dense"]
    first = ["Conv2D", "BatchNormalization", "Activation", "MaxPooling2D"]
    assert steps_of(model) == [*first, *rest]
    assert steps_of(model, training=False) == [" ".join(first[:3]), first[3], *rest]
    check_against_single_layers(model)


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_depthwise_convolution_activation_and_pooling(activation: str, multiplier: int) -> None:
    model = stack(
        layers.DepthwiseConv2D(3, depth_multiplier=multiplier),
        layers.Activation(activation),
        layers.MaxPooling2D(2),
        layers.DepthwiseConv2D(2, padding="same", activation=activation),
        layers.Conv2D(4, 1),
    )
    first = "DepthwiseConv2D Activation MaxPooling2D"
    assert steps_of(model) == [first, "DepthwiseConv2D", "Conv2D", "Flatten", "Dense"]
    check_against_single_layers(model)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_convolutions_of_sequences_and_activation(activation: str) -> None:
    model = stack(
        layers.Reshape((-1, 6)),
        layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
        layers.Activation(activation),
        layers.DepthwiseConv1D(3, 2),
        layers.Activation(activation),
        layers.MaxPooling1D(2),
        layers.SeparableConv1D(2, 3, activation=activation),
    )
    assert steps_of(model)[1:-2] == [
        *["Conv1D Activation", "DepthwiseConv1D Activation MaxPooling1D"],
        "SeparableConv1D",
    ]
    check_against_single_layers(model)


@pytest.mark.parametrize("steps", [40, 41])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_signals_are_halved_in_the_pass_of_their_convolution(activation: str, steps: int) -> None:
    model = cnnx.Sequential([cnnx.Input((steps, 3))])
    for layer in (
        layers.Conv1D(16, 7, activation=activation),
        layers.MaxPooling1D(2),
        layers.Conv1D(20, 3, padding="same"),
        layers.BatchNormalization(),
        layers.Activation(activation),
        layers.MaxPooling1D(2),
        layers.Conv1D(17, 5, padding="causal", activation=activation),
        layers.MaxPooling1D(2),
        layers.Flatten(),
        layers.Dense(2),
    ):
        model.add(layer)
    model.compile("sgd", "mse")
    for index, weight in enumerate(model.weights):
        if weight.name != "moving_variance":
            weight.assign(0.5 * normal(index, *weight.shape))
    first, last = "Conv1D MaxPooling1D", ["Conv1D MaxPooling1D", "Flatten", "Dense"]
    middle = ["Conv1D", "BatchNormalization Activation", "MaxPooling1D"]
    assert steps_of(model) == [first, *middle, *last]
    middle = ["Conv1D BatchNormalization Activation MaxPooling1D"]
    assert steps_of(model, training=False) == [first, *middle, *last]
    check_against_single_layers(model)


@pytest.mark.parametrize(
    "pooling",
    [layers.MaxPooling1D(3), layers.MaxPooling1D(2, 1), layers.MaxPooling1D(2, 2, "same")],
)
def test_other_windows_of_signals_stay_apart(pooling: layers.Layer) -> None:
    model = stack(layers.Reshape((-1, 6)), layers.Conv1D(4, 3, activation="relu"), pooling)
    assert steps_of(model)[1:3] == ["Conv1D", "MaxPooling1D"]
    check_against_single_layers(model)


def test_layers_of_several_products_stay_apart() -> None:
    model = stack(layers.SeparableConv2D(5, 3), layers.ReLU(), layers.MaxPooling2D(2))
    assert steps_of(model)[:3] == ["SeparableConv2D", "ReLU", "MaxPooling2D"]
    check_against_single_layers(model)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_transposed_convolution_and_activation(
    activation: str, use_bias: bool, apart: bool
) -> None:
    own = "linear" if apart else activation
    model = stack(
        layers.Conv2DTranspose(5, 3, 2, activation=own, use_bias=use_bias),
        *([layers.Activation(activation)] if apart else []),
        layers.MaxPooling2D(2),
        layers.Conv2DTranspose(2, 2, activation="gelu"),
        layers.Reshape((-1, 4)),
        layers.Conv1DTranspose(3, 2, activation=activation, use_bias=use_bias),
    )
    together = " Activation" if apart else ""
    assert steps_of(model)[:-2] == [
        *["Conv2DTranspose" + together, "MaxPooling2D", "Conv2DTranspose"],
        *["Reshape", "Conv1DTranspose"],
    ]
    check_against_single_layers(model)


@pytest.mark.parametrize(
    "pooling",
    [
        layers.MaxPooling2D(3),
        layers.MaxPooling2D(2, strides=1),
        layers.MaxPooling2D(2, padding="same"),
        layers.AveragePooling2D(2),
    ],
)
def test_other_windows_stay_apart(pooling: layers.Layer) -> None:
    model = stack(layers.Conv2D(5, 3, activation="relu"), pooling)
    assert steps_of(model)[:2] == ["Conv2D", type(pooling).__name__]
    check_against_single_layers(model)


def squared(src: np.ndarray, dst: np.ndarray) -> None:
    np.multiply(src, src, out=dst)


def squared_backward(src: np.ndarray, diff_dst: np.ndarray, diff_src: np.ndarray) -> None:
    np.multiply(2 * src, diff_dst, out=diff_src)


OWN = Activation("square", squared, squared_backward, of_input=True)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("name", ["silu", "gelu", "mish", "softmax", "log_softmax"])
def test_functions_of_their_input_or_of_rows_stay_apart(name: str, apart: bool) -> None:
    own = "linear" if apart else name
    between = [layers.Activation(name)] if apart else []
    model = stack(layers.Conv2D(5, 3, activation=own), *between, layers.MaxPooling2D(2))
    steps = ["Conv2D", "Activation", "MaxPooling2D"] if apart else ["Conv2D", "MaxPooling2D"]
    assert steps_of(model)[:-2] == steps
    check_against_single_layers(model)


@pytest.mark.parametrize("name", ["square", "relu"])
def test_a_function_of_ones_own_is_applied_whatever_its_name(name: str) -> None:
    own = dataclasses.replace(OWN, name=name)
    model = stack(layers.Conv2D(5, 3, activation=own), layers.MaxPooling2D(2))
    x = normal(1, 4, *model.input_shape[1:])
    convolution = layers.Conv2D(5, 3)
    convolution.build_once((None, *x.shape[1:]))
    convolution.set_weights(model.layers[0].get_weights())
    squares = convolution(x) ** 2
    top = cnnx.Sequential([cnnx.Input(squares.shape[1:]), *copy.deepcopy(model.layers[1:])])
    assert_close(model.predict_on_batch(x), top.predict_on_batch(squares))


def test_only_after_an_increasing_function_comes_pooling_first() -> None:
    falling = dataclasses.replace(activations.relu, increasing=False)
    model = stack(layers.Conv2D(5, 3, activation=falling), layers.MaxPooling2D(2))
    assert steps_of(model)[:2] == ["Conv2D", "MaxPooling2D"]
    check_against_single_layers(model)


@pytest.mark.parametrize(
    "convolution",
    [
        layers.Conv2D(5, 3, bias="untied", activation="relu"),
        layers.Conv2D(5, 3, bias_operation="multiply", activation="relu"),
        layers.Conv2D(5, 3, activation="softmax"),
    ],
)
def test_other_convolutions_stay_apart(convolution: layers.Layer) -> None:
    model = stack(convolution, layers.MaxPooling2D(2))
    assert steps_of(model)[:2] == ["Conv2D", "MaxPooling2D"]
    check_against_single_layers(model)


def test_a_subclass_does_as_it_likes() -> None:
    class Doubled(layers.Conv2D):
        def forward(self, call: Call, x: np.ndarray) -> None:
            super().forward(call, x)
            call.y *= 2

    assert steps_of(stack(Doubled(5, 3), layers.MaxPooling2D(2)))[:2] == ["Doubled", "MaxPooling2D"]


def test_a_frozen_convolution_keeps_its_weights_in_a_pass() -> None:
    frozen = layers.Conv2D(5, 3, activation="relu", trainable=False)
    model = stack(layers.Conv2D(4, 3), frozen, layers.MaxPooling2D(2))
    before = frozen.get_weights()
    below = model.layers[0].get_weights()
    model.train_on_batch(normal(1, 4, 9, 10, 3), normal(2, 4, 2))
    for old, new in zip(before, frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(below[0], model.layers[0].get_weights()[0])
