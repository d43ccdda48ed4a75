"""Sums run in the pass of their last term."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from apart_layout import lie_apart
from cnnx import explain, layers
from cnnx.graph import Graph, binding, lent_gradients, plan
from cnnx.graph.fusions import Step, fuse
from fused_networks import steps_of


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


def pooled_shortcut(x: Any) -> Any:
    y = normalized(layers.ReLU()(normalized(x)))
    shortcut = layers.AveragePooling2D(1)(layers.Activation("tanh")(x))
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
    "pooled shortcut": (
        pooled_shortcut,
        [CONV, f"{BATCH} ReLU", CONV, "Activation", "AveragePooling2D", f"{BATCH} Add ReLU"],
        [
            *[f"{CONV} {BATCH} ReLU", "Activation", "AveragePooling2D"],
            f"{CONV} {BATCH} Add ReLU",
        ],
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
            *["Activation", "Conv1D Add ReLU"],
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
    monkeypatch.setattr(lent_gradients, "LEAST", 1)
    model = with_sums(SUMS[name][0])
    shared = results(copy.deepcopy(model))
    monkeypatch.setattr(binding, "lay_out", lie_apart)
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
