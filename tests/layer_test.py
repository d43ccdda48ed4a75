"""One helper that takes any layer through its whole life."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

import cnnx
import reference
from agreement import assert_close, assert_gradient, normal
from cnnx.layers import Dense, Flatten, Input, Layer
from single_layer import backward, forward

BATCH = 4
Oracle = Callable[..., Any]


def run_layer_test(
    layer_class: type[Layer],
    arguments: dict[str, Any],
    input_shape: tuple[int, ...],
    oracle: Oracle,
) -> None:
    """Take a layer through build, forward, gradients, weights, config and a step in a model.

    `oracle(x, *weights)` gives, in float64, what the layer returns in training; its central
    differences are the gradients. The layer computes in float32, and is compared with both.
    """
    layer = layer_class(**arguments)
    x = normal(1, BATCH, *input_shape)
    layer.build_once((None, *input_shape))
    for i, weight in enumerate(layer.weights):
        weight.assign(np.abs(normal(10 + i, *weight.shape)) + np.float32(0.1))
    check_gradients(layer, x, oracle)
    check_weights(layer)
    check_config(layer, x)
    check_training(layer_class(**arguments), input_shape)


def check_gradients(layer: Layer, x: np.ndarray, oracle: Oracle) -> None:
    values = [weight.numpy() for weight in layer.weights]
    before = x.copy()
    call = forward(layer, x)
    y = call.y.copy()
    np.testing.assert_array_equal(x, before, "forward wrote its input")
    assert y.shape == layer.compute_output_shape(x.shape) == (len(x), *layer.output_shape[1:])
    assert_close(y, oracle(x, *values), what=f"{layer}: output")

    dy = normal(2, *y.shape)
    dx = backward(layer, call, dy)
    expected = reference.central_differences(lambda a: oracle(a, *values) * dy, x)
    assert_gradient(dx, expected, f"{layer}: gradient of the input")
    for i, weight in enumerate(layer.weights):
        if weight in layer.trainable_weights:
            expected = reference.central_differences(
                lambda w, i=i: oracle(x, *values[:i], w, *values[i + 1 :]) * dy, values[i]
            )
            assert_gradient(weight.gradient, expected, f"{layer}: gradient of {weight}")


def check_weights(layer: Layer) -> None:
    values = [normal(20 + i, *weight.shape) for i, weight in enumerate(layer.weights)]
    layer.set_weights(values)
    for got, value in zip(layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, value)
        got[...] = 0  # a copy: the layer keeps its values
    for got, value in zip(layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, value)
    assert layer.count_params() == sum(value.size for value in values)


def check_config(layer: Layer, x: np.ndarray) -> None:
    layer.set_weights([np.abs(value) for value in layer.get_weights()])
    config = layer.get_config()
    copy = type(layer).from_config(json.loads(json.dumps(config)))
    assert copy.get_config() == config
    assert copy.name == layer.name
    copy.build_once((None, *x.shape[1:]))
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(x, training=False), layer(x, training=False))


def check_training(layer: Layer, input_shape: tuple[int, ...]) -> None:
    head = Dense(2)
    model = cnnx.Sequential([Input(input_shape), layer, Flatten(), head])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    before, head_before = layer.get_weights(), head.get_weights()
    assert np.isfinite(model.train_on_batch(normal(3, 8, *input_shape), normal(4, 8, 2)))
    assert not np.array_equal(head.get_weights()[0], head_before[0])
    for weight, value in zip(layer.weights, before, strict=True):
        if weight in layer.trainable_weights:
            assert not np.array_equal(weight.numpy(), value), f"{weight} did not learn"
