from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import assert_close, normal
from cnnx import layers
from cnnx.explain.derivatives import differentiate

SIZE, BATCH = (6, 6, 2), 3


def make_network(head: list[layers.Layer]) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential(
        [
            cnnx.Input(SIZE),
            layers.Conv2D(3, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Activation("tanh", name="tanh"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dropout(0.5, name="drop"),
            layers.Flatten(name="flat"),
            *head,
        ]
    )
    for index, weight in enumerate(model.weights):
        weight.assign(
            np.abs(normal(index, *weight.shape))
            if "norm" in weight.path
            else normal(index, *weight.shape)
        )
    return model


def oracle(model: cnnx.Sequential, name: str, x: Any) -> Any:
    """The net output as a function of what layer `name` gives ("": of the input)."""
    kernel, bias, gamma, beta, mean, variance, top, top_bias = model.get_weights()
    steps = {
        "conv": lambda x: reference.conv2d_forward(x, kernel, bias, (4, 4)),
        "norm": lambda x: reference.batch_norm_forward(x, gamma, beta, mean, variance, 1e-3),
        "tanh": np.tanh,
        "pool": lambda x: reference.max_pool2d_forward(x, (2, 2), (2, 2), (2, 2), (0, 0))[0],
        "drop": lambda x: x,
        "flat": lambda x: x.reshape(len(x), -1),
        "out": lambda x: reference.dense_forward(x, top, top_bias),
    }
    names = list(steps)
    for step in names[names.index(name) + 1 if name else 0 :]:
        x = steps[step](x)
    return x


HEADS = {
    "fused softmax": lambda: [layers.Dense(4, activation="softmax", name="out")],
    "softmax layer": lambda: [layers.Dense(4, name="out"), layers.Softmax()],
    "linear": lambda: [layers.Dense(4, name="out")],
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_gradients_of_a_network_in_use_are_the_central_differences(head: Any) -> None:
    model = make_network(head())
    x, direction = normal(30, BATCH, *SIZE), normal(31, BATCH, 4)
    found = differentiate(model, x, lambda _: direction.copy())
    assert list(found.outputs) == ["conv", "norm", "tanh", "pool", "drop", "flat", "out"]
    assert_close(found.outputs["out"], oracle(model, "", x))

    def check(got: Any, name: str, at: Any) -> None:
        expected = reference.central_differences(lambda a: oracle(model, name, a) * direction, at)
        assert_close(got, expected, what=f"gradient of '{name}'")

    check(found.input_gradient, "", x)
    for name, output in found.outputs.items():
        check(found.gradients[name], name, output)


def test_nothing_of_the_network_is_changed() -> None:
    model = make_network(HEADS["fused softmax"]())
    model.get_layer("conv").trainable = False
    model.compile("sgd", "categorical_crossentropy")
    x, y = normal(1, BATCH, *SIZE), np.eye(4)[[0, 1, 2]]
    model.train_on_batch(x, y)
    weights, gradients = model.get_weights(), model.parameters.gradients.copy()
    flags = [layer.trainable for layer in model.layers]
    differentiate(model, x, lambda net: np.ones_like(net))
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(gradients, model.parameters.gradients)
    assert flags == [layer.trainable for layer in model.layers]
    model.train_on_batch(x, y)
