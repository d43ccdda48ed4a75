"""The stretches of the gradients that ranks sum while the backward pass still runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from cnnx.arrays import Array
from cnnx.distributed import Group
from cnnx.distributed.group import Pending
from cnnx.models import gradient_sum
from cnnx.models.gradient_sum import GradientSum

group_module = sys.modules["cnnx.distributed.group"]  # the package has a function of this name


class Watching(Group):
    """Two ranks of which the other one has gradients of 0; it notes what is summed, and when."""

    def __init__(self) -> None:
        self.size = 2
        self.begun: list[tuple[Array, Array]] = []

    def begin_sum(self, array: Array) -> Pending:
        self.begun.append((array, array.copy()))
        return Pending()


def chain() -> cnnx.Model:
    return cnnx.Sequential(
        [
            cnnx.Input((8, 8, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="tanh"),
            layers.Dense(3),
        ]
    )


def frozen() -> cnnx.Model:
    model = chain()
    model.layers[4].trainable = False
    return model


def shared() -> cnnx.Model:
    first, second = cnnx.Input((6, 6, 2)), cnnx.Input((6, 6, 2))
    twice = layers.Conv2D(4, 3, padding="same")
    x = layers.Add()([twice(first), layers.Conv2D(4, 1)(twice(second))])
    return cnnx.Model([first, second], layers.Dense(3)(layers.Flatten()(x)))


def shortcuts() -> cnnx.Model:
    image = cnnx.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(image)
    for _ in range(3):
        y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
        x = layers.ReLU()(layers.Conv2D(4, 1)(x) + y)
    return cnnx.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def no_loss_on_one_output() -> cnnx.Model:
    image = cnnx.Input((4, 4, 1))
    x = layers.Flatten()(layers.Conv2D(2, 3)(image))
    return cnnx.Model(image, [layers.Dense(3)(x), layers.Dense(7, name="aside")(x)])


def of_any_size() -> cnnx.Model:
    image = cnnx.Input((None, None, 2))
    x = layers.Conv2D(3, 1, trainable=False)(image)  # pooled in a pass at even sizes alone
    x = layers.MaxPooling2D(padding="same")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return cnnx.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


NETWORKS: list[Callable[[], cnnx.Model]] = [
    chain,
    frozen,
    shared,
    shortcuts,
    no_loss_on_one_output,
    of_any_size,
]


def batch(model: cnnx.Model) -> tuple[Any, Any]:
    generator = np.random.default_rng(3)
    x = {
        name: generator.standard_normal((5, *(e or 8 for e in value.shape[1:])), np.float32)
        for name, value in zip(model.input_names, model.graph.inputs, strict=True)
    }
    y = {
        name: generator.standard_normal((5, *value.shape[1:]), np.float32)
        for name, value in zip(model.output_names, model.graph.outputs, strict=True)
    }
    return x, y


def compiled(network: Callable[[], cnnx.Model]) -> cnnx.Model:
    cnnx.utils.set_random_seed(2)
    model = network()
    model.compile("sgd", {model.output_names[0]: "mse"})
    return model


@pytest.mark.parametrize("least", [1, 100, 10**9])
@pytest.mark.parametrize("network", NETWORKS)
def test_each_gradient_is_summed_once_and_not_before_it_is_whole(
    network: Callable[[], cnnx.Model], least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = compiled(network)
    expected = model.gradients(*batch(model))
    group = Watching()
    monkeypatch.setattr(group_module, "_present", group)
    monkeypatch.setattr(gradient_sum, "LEAST", least)
    model = compiled(network)
    model.optimizer.learning_rate = 0.0
    model.train_on_batch(*batch(model))
    group.begun.clear()
    model.parameters.gradients[:] = 7
    model.train_on_batch(*batch(model))  # recorded calls, without Python
    buffer = model.parameters.gradients
    sums = [(array, copy) for array, copy in group.begun if array.dtype == np.float32]
    covered = np.zeros(buffer.size, int)
    for array, copy in sums:
        first = (array.ctypes.data - buffer.ctypes.data) // 4
        covered[first : first + array.size] += 1
        np.testing.assert_array_equal(copy, buffer[first : first + array.size])
    for weight in model.trainable_weights:
        first = (weight.gradient.ctypes.data - buffer.ctypes.data) // 4
        assert (covered[first : first + weight.size] == 1).all(), weight
        if weight.path in expected:
            np.testing.assert_array_equal(weight.gradient, expected[weight.path])
    assert covered.sum() == sum(weight.size for weight in model.trainable_weights)
    assert least > 1 or (len(sums) == 1 if network is of_any_size else len(sums) > 1)
    assert least < 10**9 or len(sums) == (2 if network is frozen else 1)


def test_sums_begin_while_the_backward_pass_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "_present", Watching())
    monkeypatch.setattr(gradient_sum, "LEAST", 1)
    model = compiled(chain)
    model.train_on_batch(*batch(model))
    first, seen = model.layers[0].kernel.gradient, []
    begin = GradientSum.begin

    def watched(self: GradientSum, step: int) -> None:
        seen.append(bool(first.any()))
        begin(self, step)

    monkeypatch.setattr(GradientSum, "begin", watched)
    for _ in range(2):
        seen.clear()
        first[:] = 0
        model.train_on_batch(*batch(model))
        assert seen[:2] == [False, False]
        assert seen[-1]


def test_an_error_within_the_backward_pass_waits_for_what_was_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[str] = []

    class Slow(Pending):
        def __init__(self, array: Array) -> None:
            self.what = "gradients" if array.dtype == np.float32 else "figures"

        def wait(self) -> None:
            waited.append(self.what)

    class Waiting(Group):
        size = 2

        def begin_sum(self, array: Array) -> Pending:
            return Slow(array) if array.dtype != np.int64 else Pending()

    monkeypatch.setattr(group_module, "_present", Waiting())
    monkeypatch.setattr(gradient_sum, "LEAST", 1)
    model = cnnx.Sequential(
        [cnnx.Input((4,)), layers.Dense(5), Failing(), layers.Dense(4), layers.Dense(3)]
    )
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ArithmeticError):
        model.train_on_batch(*batch(model))
    assert waited == ["figures", "gradients", "gradients"]
    for weight, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


class Failing(layers.Layer):
    def forward(self, call: Any, x: Any) -> Any:
        return x + 0

    def backward(self, call: Any, dy: Any) -> Any:
        raise ArithmeticError("half way back")
