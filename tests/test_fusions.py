"""Layers that run in one pass give what they give one by one."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import activations, explain, layers
from cnnx.activations import Activation
from cnnx.graph import Graph, plan
from cnnx.graph.fusions import Step, fuse
from cnnx.graph.passes import ConvolutionPass, Pass
from cnnx.layers.call import Call
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


# --- sums -----------------------------------------------------------------------------------------


def convolution(x: Any, **arguments: Any) -> Any:
    return layers.Conv2D(3, 3, padding="same", **arguments)(x)


def normalized(x: Any) -> Any:
    return layers.BatchNormalization()(convolution(x, use_bias=False))


def block(x: Any) -> Any:
    y = normalized(layers.ReLU()(normalized(x)))
    return layers.ReLU()(layers.Add()([y, x]))


def block_with_the_shortcut_first(x: Any) -> Any:
    return layers.ReLU()(layers.Add()([x, normalized(layers.ReLU()(normalized(x)))]))


def projection(x: Any) -> Any:
    y = normalized(layers.ReLU()(normalized(x)))
    shortcut = layers.BatchNormalization()(layers.Conv2D(3, 1)(x))
    return layers.ReLU()(layers.Add()([y, shortcut]))


def bottleneck(x: Any) -> Any:
    y = layers.DepthwiseConv2D(3, padding="same")(layers.Conv2D(6, 1)(x))
    y = layers.ReLU(6)(layers.BatchNormalization()(y))
    return x + layers.BatchNormalization()(layers.Conv2D(3, 1)(y))


def chain_of_sums(x: Any) -> Any:
    y = layers.Activation("tanh")(convolution(x) + x)
    return convolution(y) + y + convolution(y)


def transposed(x: Any) -> Any:
    y = layers.Conv2DTranspose(3, 3, padding="same")(x)
    return layers.Activation("sigmoid")(x + layers.Conv2DTranspose(3, 3, padding="same")(y))


def sequences(x: Any) -> Any:
    x = layers.Reshape((-1, 9))(x)
    y = layers.DepthwiseConv1D(3, padding="same")(x) + x
    y = layers.ELU()(y + layers.Conv1DTranspose(9, 1)(y))
    return layers.ReLU()(layers.Conv1D(9, 3, padding="same")(y) + layers.Activation("tanh")(y))


def pooled_after_the_sum(x: Any) -> Any:
    return layers.MaxPooling2D()(layers.ReLU()(convolution(x) + x))


def averaged_after_the_sum(x: Any) -> Any:
    """Nothing but the pass reads the sum on the way back."""
    y = layers.Activation("sigmoid")(normalized(x) + x)
    return layers.AveragePooling2D()(layers.UpSampling2D(3)(y))


def twice(x: Any) -> Any:
    z = layers.LayerNormalization()(x)
    y = layers.BatchNormalization()(z)
    return layers.BatchNormalization()(y) + y + z


CONV, BATCH = "Conv2D", "BatchNormalization"
TRANSPOSED = "Conv2DTranspose"
SUMS: dict[str, tuple[Callable[[Any], Any], list[str], list[str] | None]] = {
    "block": (
        block,
        [CONV, f"{BATCH} ReLU", CONV, f"{BATCH} Add ReLU"],
        [f"{CONV} {BATCH} ReLU", f"{CONV} {BATCH} Add ReLU"],
    ),
    "block with the shortcut first": (
        block_with_the_shortcut_first,
        [CONV, f"{BATCH} ReLU", CONV, f"{BATCH} Add ReLU"],
        [f"{CONV} {BATCH} ReLU", f"{CONV} {BATCH} Add ReLU"],
    ),
    "projection": (
        projection,
        [CONV, f"{BATCH} ReLU", CONV, BATCH, CONV, f"{BATCH} Add ReLU"],
        [f"{CONV} {BATCH} ReLU", f"{CONV} {BATCH}", f"{CONV} {BATCH} Add ReLU"],
    ),
    "bottleneck": (
        bottleneck,
        [CONV, "DepthwiseConv2D", f"{BATCH} ReLU", CONV, f"{BATCH} Add"],
        [CONV, f"DepthwiseConv2D {BATCH} ReLU", f"{CONV} {BATCH} Add"],
    ),
    "chain of sums": (
        chain_of_sums,
        [f"{CONV} Add Activation", f"{CONV} Add", f"{CONV} Add"],
        None,
    ),
    "transposed": (
        transposed,
        [TRANSPOSED, f"{TRANSPOSED} Add Activation"],
        None,
    ),
    "sequences": (
        sequences,
        [
            *["Reshape", "DepthwiseConv1D Add", "Conv1DTranspose Add ELU"],
            *["Conv1D", "Activation", "Add", "ReLU"],
        ],
        None,
    ),
    "pooled after the sum": (
        pooled_after_the_sum,
        [f"{CONV} Add ReLU", "MaxPooling2D"],
        None,
    ),
    "averaged after the sum": (
        averaged_after_the_sum,
        [CONV, f"{BATCH} Add Activation", "UpSampling2D", "AveragePooling2D"],
        [f"{CONV} {BATCH} Add Activation", "UpSampling2D", "AveragePooling2D"],
    ),
    "twice": (
        twice,
        ["LayerNormalization", BATCH, f"{BATCH} Add", "Add"],
        None,
    ),
}
"""Bodies of networks, with the steps that run them: in training, and in use if others."""


def with_sums(body: Callable[[Any], Any], trainable: bool = True) -> cnnx.Model:
    """Return a network of a body between a convolution and Dense."""
    x = cnnx.Input((6, 7, 3))
    below = layers.Conv2D(3, 2, padding="same", trainable=trainable)(x)
    y = layers.Dense(2)(layers.Flatten()(body(below)))
    model = cnnx.Model(x, y)
    model.compile(cnnx.optimizers.SGD(1e-3), "mse")
    for index, weight in enumerate(model.weights):
        spread = 0.2 * np.abs(normal(index, *weight.shape)) + 0.5
        is_variance = weight.name == "moving_variance"
        weight.assign(spread if is_variance else 0.5 * normal(index, *weight.shape))
    return model


def one_by_one(
    graph: Graph, training: bool, kept: Collection[Any] = (), passes: Any = None
) -> list[Step]:
    return [Step(value.node.layer, value.node.inputs, value) for value in graph.values]


def results(model: cnnx.Model) -> list[Any]:
    """Return predictions and the loss, gradients and weights of steps, with several batch sizes."""
    found = []
    for rows in (4, 3, 5):
        x, y = normal(rows, rows, 6, 7, 3), normal(rows + 9, rows, 2)
        found.append(model.predict_on_batch(x))
        found.append(np.float32(model.train_on_batch(x, y)))
        found += [model.parameters.gradients.copy(), *model.get_weights()]
    return found


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("name", SUMS)
def test_sums_give_what_layers_one_by_one_give(
    name: str, trainable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = with_sums(SUMS[name][0], trainable)
    together = results(copy.deepcopy(model))
    monkeypatch.setattr(plan, "fuse", one_by_one)
    for one, other in zip(together, results(model), strict=True):
        assert_close(one, other, 1e-4)


@pytest.mark.parametrize("name", SUMS)
def test_sums_are_taken_by_the_pass_of_their_last_term(name: str) -> None:
    body, in_training, in_use = SUMS[name]
    model = with_sums(body)
    for training, expected in ((True, in_training), (False, in_use or in_training)):
        steps = steps_of(model, training)
        assert steps == [CONV, *expected, "Flatten", "Dense"]
        assert len(steps) < len(model.graph.values)


@pytest.mark.parametrize("name", SUMS)
def test_gradients_of_sums_are_the_central_differences(name: str) -> None:
    model = with_sums(SUMS[name][0])
    found = explain.check_gradients(model, normal(1, 3, 6, 7, 3), normal(2, 3, 2), elements=8)
    assert found.agrees, f"\n{found}"


@pytest.mark.parametrize("name", SUMS)
def test_sums_share_memory_without_changing_a_bit(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie_apart(regions: Any, rows: int) -> Any:
        ends = np.cumsum([region.size * rows for region in regions]).tolist()
        return dict(zip(regions, [0, *ends[:-1]], strict=True)), ends[-1]

    model = with_sums(SUMS[name][0])
    shared = results(copy.deepcopy(model))
    monkeypatch.setattr(plan, "lay_out", lie_apart)
    for one, other in zip(shared, results(model), strict=True):
        np.testing.assert_array_equal(one, other)


class OwnSum(layers.Add):
    """Does as it likes."""


@pytest.mark.parametrize(
    "body",
    [
        lambda x: layers.Add()([convolution(x), x, x]),
        lambda x: layers.Add()([convolution(x), layers.GlobalAveragePooling2D(keepdims=True)(x)]),
        lambda x: layers.Add()([convolution(x)] * 2),
        lambda x: convolution(x, activation="relu") + x,
        lambda x: layers.ReLU()(convolution(x)) + x,
        lambda x: layers.MaxPooling2D()(convolution(x)) + layers.AveragePooling2D()(x),
        lambda x: convolution(x) - x,
        lambda x: OwnSum()([convolution(x), x]),
        lambda x: layers.BatchNormalization(trainable=False)(x) + x,
    ],
)
def test_other_sums_stay_apart(body: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_sums(body)
    assert any(step in ("Add", "Subtract", "OwnSum") for step in steps_of(model))
    twin = with_sums(body)
    together = results(model)
    monkeypatch.setattr(plan, "fuse", one_by_one)
    for one, other in zip(together, results(twin), strict=True):
        assert_close(one, other, 1e-4)


def test_a_term_that_somebody_sees_is_computed() -> None:
    x = cnnx.Input((6, 7, 3))
    term = convolution(x)
    model = cnnx.Model(x, [term, term + x])
    assert steps_of(model) == [CONV, "Add"]
    images = normal(1, 2, 6, 7, 3)
    one, both = model.predict(images, verbose=0)
    assert_close(both, one + images)
    single = cnnx.Model(x, model.graph.outputs[1])
    assert steps_of(single) == [f"{CONV} Add"]
    assert_close(single.predict(images, verbose=0), both)
    assert [step.output for step in fuse(single.graph, False, {term})] == list(single.graph.values)
