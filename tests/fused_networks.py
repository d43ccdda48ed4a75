"""Networks with layers that run in one pass, and what the layers give one by one."""

from __future__ import annotations

import numpy as np

import cnnx
from agreement import assert_close, normal
from cnnx import layers
from cnnx.graph.fusions import fuse
from cnnx.graph.passes import Pass
from single_layer import backward, forward

ACTIVATIONS = [
    "linear",
    "relu",
    "sigmoid",
    "tanh",
    "elu",
    "leaky_relu",
    "softplus",
    "arctan",
    "relu6",
    "hard_sigmoid",
]


def stack(*middle: layers.Layer, size: int = 9) -> cnnx.Sequential:
    model = cnnx.Sequential([cnnx.Input((size, size + 1, 3)), *middle, layers.Flatten()])
    model.add(layers.Dense(2))
    model.compile("sgd", "mse")
    for index, weight in enumerate(model.weights):
        if weight.name != "moving_variance":
            weight.assign(0.5 * normal(index, *weight.shape))
    return model


def check_against_single_layers(model: cnnx.Sequential) -> None:
    """Compare a step of training, and a prediction, with the layers one after another."""
    x, y = normal(1, 4, *model.input_shape[1:]), normal(2, 4, 2)
    single = cnnx.models.clone_model(model)
    single.set_weights(model.get_weights())
    gradients = single.parameters.gradients
    output = x
    calls = []
    for layer in single.layers:
        calls.append(forward(layer, output))
        output = calls[-1].y
    loss = float(np.mean((output - y) ** 2))
    gradient = ((output - y) / len(x)).astype(np.float32)
    for layer, call in zip(reversed(single.layers), reversed(calls), strict=True):
        gradient = backward(layer, call, gradient)
    expected = model.get_weights()
    np.testing.assert_allclose(model.train_on_batch(x, y), loss, rtol=1e-5)
    assert_close(model.parameters.gradients, gradients, what="gradients")
    for before, after in zip(expected, model.get_weights(), strict=True):
        assert before.shape == after.shape
    single.set_weights(model.get_weights())
    output = x
    for layer in single.layers:
        output = layer(output)
    assert_close(model.predict_on_batch(x), output, what="prediction")


def steps_of(model: cnnx.Model, training: bool = True) -> list[str]:
    """Return what runs, a text for each step: the layers that it is made of."""
    operations = [step.operation for step in fuse(model.graph, training)]
    layers_of = [item.layers if isinstance(item, Pass) else [item] for item in operations]
    return [" ".join(type(layer).__name__ for layer in together) for together in layers_of]
