"""Passes that run again without Python: they see other inputs, weights and settings."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import config, layers
from cnnx.activations import Activation
from cnnx.graph import Graph, Plan
from cnnx.layers.call import Call
from cnnx.layers.random_layer import RandomLayer
from layer_cases import CASES, Case
from single_layer import both, forward

Array = np.ndarray[Any, Any]


def layer_of(case: Case) -> layers.Layer:
    layer = case.layer_class(**case.arguments)
    layer.build_once((None, *case.input_shape))
    for place, weight in enumerate(layer.weights):
        weight.assign(np.abs(normal(place, *weight.shape)) + np.float32(0.1))
    return layer


def plan_of(layer: layers.Layer, input_shape: tuple[int, ...], **options: Any) -> Plan:
    x = cnnx.Input(input_shape)
    return Plan(Graph.between([x], [layer(x)]), **options)


def replays(stretches: Any, state: int) -> list[bool]:
    return [stretch._state == state for stretch in stretches]


PLAIN = {
    name: case for name, case in CASES.items() if not issubclass(case.layer_class, RandomLayer)
}


@pytest.mark.parametrize("name", PLAIN)
def test_the_second_training_pass_is_that_of_the_layer(name: str) -> None:
    case = PLAIN[name]
    layer, alone = layer_of(case), layer_of(case)
    plan = plan_of(layer, case.input_shape, training=True, learns=True)
    for seed in range(3):
        x = normal(seed, 3, *case.input_shape)
        binding = plan.bind(len(x))
        y = binding.forward(x)[0].copy()
        dy = normal(seed + 10, *y.shape)
        if binding.dys[0] is not None:
            np.copyto(binding.dys[0], dy)
        binding.backward()
        expected, _ = both(alone, x, dy)
        np.testing.assert_array_equal(y, expected)
        for one, other in zip(layer.weights, alone.weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
            if one in layer.trainable_weights:
                np.testing.assert_array_equal(one.gradient, other.gradient)


@pytest.mark.parametrize("name", PLAIN)
def test_the_second_prediction_is_that_of_the_layer(name: str) -> None:
    case = PLAIN[name]
    layer = layer_of(case)
    plan = plan_of(layer, case.input_shape)
    for seed in range(3):
        x = normal(seed, 3, *case.input_shape)
        expected = forward(layer, x, training=False).y
        np.testing.assert_array_equal(plan.forward(x)[0], expected)


@pytest.mark.parametrize("name", PLAIN)
def test_the_second_gradient_of_the_input_is_that_of_the_layer(name: str) -> None:
    case = PLAIN[name]
    layer, alone = layer_of(case), layer_of(case)
    x = cnnx.Input(case.input_shape)
    first = layers.PReLU()
    graph = Graph.between([x], [layer(first(x))])
    plan = Plan(graph, training=True, learns=True)
    first.alpha.assign(np.full(first.alpha.shape, 0.5, np.float32))
    for seed in range(3):
        batch = normal(seed, 3, *case.input_shape)
        inner = np.where(batch > 0, batch, np.float32(0.5) * batch)
        binding = plan.bind(len(batch))
        dy = normal(seed + 10, *binding.forward(batch)[0].shape)
        assert binding.dys[0] is not None
        np.copyto(binding.dys[0], dy)
        binding.backward()
        _, dx = both(alone, inner, dy)
        expected = (dx * np.minimum(batch, 0)).sum(0, dtype=np.float64).astype(np.float32)
        np.testing.assert_allclose(first.alpha.gradient, expected, rtol=2e-6, atol=1e-6)


def small_model() -> cnnx.Model:
    x = cnnx.Input((8, 8, 3))
    y = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU()(y)
    z = layers.Conv2D(8, 1)(y)
    y = layers.ReLU()(layers.Add()([y, z]))
    y = layers.GlobalAveragePooling2D()(y)
    return cnnx.Model(x, layers.Dense(4, activation="softmax")(y))


def copy_of(model: cnnx.Model) -> cnnx.Model:
    copy = cnnx.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def check_fresh(model: cnnx.Model, x: Array) -> None:
    """Compare a prediction with that of a copy, which has recorded nothing yet."""
    np.testing.assert_array_equal(model.predict_on_batch(x), copy_of(model).predict_on_batch(x))


def test_predictions_follow_every_change_of_weights() -> None:
    model = small_model()
    x, y = normal(0, 5, 8, 8, 3), np.arange(5) % 4
    check_fresh(model, x)
    model.set_weights([normal(3, *w.shape) ** 2 + 0.5 for w in model.weights])
    check_fresh(model, x)
    model.layers[1].kernel.assign(normal(4, 3, 3, 3, 8))
    check_fresh(model, x)
    model.compile("sgd", "sparse_categorical_crossentropy")
    for _ in range(3):
        model.train_on_batch(x, y)
        check_fresh(model, x)
    model.forward(x, training=True)  # moves the moving statistics, and nothing else
    check_fresh(model, x)
    model(x, training=True)
    check_fresh(model, x)
    other = small_model()
    before = model.predict_on_batch(x)
    other.set_weights([2 * w for w in other.get_weights()])
    np.testing.assert_array_equal(model.predict_on_batch(x), before)


def test_settings_take_effect_at_the_next_step() -> None:
    model = small_model()
    normalization = model.layers[2]
    x, y = normal(0, 6, 8, 8, 3), np.arange(6) % 4
    model.compile("sgd", "sparse_categorical_crossentropy")
    for _ in range(2):
        model.train_on_batch(x, y)
    before = normalization.moving_mean.numpy()
    normalization.momentum = 1.0
    model.train_on_batch(x, y)
    np.testing.assert_array_equal(normalization.moving_mean.numpy(), before)
    model.predict_on_batch(x)
    normalization.epsilon = 0.5
    check_fresh(model, x)
    normalization.trainable = False
    for _ in range(2):
        model.train_on_batch(x, y)
    np.testing.assert_array_equal(normalization.moving_mean.numpy(), before)


def test_a_layer_in_python_splits_what_is_recorded() -> None:
    class Times(layers.Layer):
        factor = 1.0

        def forward(self, call: Call, x: Array) -> Array:
            return x * np.float32(self.factor)

        def backward(self, call: Call, dy: Array) -> Array:
            return dy * np.float32(self.factor)

    times = Times()
    x = cnnx.Input((6, 6, 2))
    y = layers.Conv2D(3, 3)(x)
    y = layers.Conv2D(3, 3)(layers.Dropout(0.5, seed=1)(times(y)))
    model = cnnx.Model(x, layers.Flatten()(y))
    batch = normal(0, 4, 6, 6, 2)
    first = model.predict_on_batch(batch)
    np.testing.assert_array_equal(model.predict_on_batch(batch), first)
    Times.factor = 2.0  # of the class: nobody notices, and the layer runs each time
    bias = model.layers[-2].bias.numpy()
    np.testing.assert_allclose(model.predict_on_batch(batch) - np.tile(bias, 4), 2 * first)
    assert len(model.runs._plan(False).bind(4)._forward) == 3
    model.compile("sgd", "mean_squared_error")
    losses = {model.train_on_batch(batch, 0 * first) for _ in range(4)}
    assert len(losses) == 4  # the dropout draws anew


def test_a_users_activation_runs_each_time() -> None:
    calls: list[int] = []

    class Doubling:  # no function: it has no module of its own
        def __call__(self, *arrays: Array) -> None:
            calls.append(1)
            np.multiply(arrays[-2], np.float32(2), out=arrays[-1])

    double = Activation("double", Doubling(), Doubling())
    model = cnnx.Sequential([cnnx.Input((4,)), layers.Activation(double), layers.ReLU()])
    for seed in range(3):
        x = normal(seed, 3, 4)
        np.testing.assert_array_equal(model.predict_on_batch(x), np.maximum(2 * x, 0))
        assert len(calls) == seed + 1


def test_one_array_for_two_inputs_is_no_reason_to_confuse_them() -> None:
    a, b = cnnx.Input((4,)), cnnx.Input((4,))
    model = cnnx.Model([a, b], layers.Subtract()([a, b]))
    x, y = normal(0, 3, 4), normal(1, 3, 4)
    assert not model.predict_on_batch([x, x]).any()
    np.testing.assert_array_equal(model.predict_on_batch([x, y]), x - y)
    both_of = np.concatenate([x, y])
    np.testing.assert_array_equal(model.predict_on_batch([both_of[3:], both_of[:3]]), y - x)


def test_no_input_is_held_longer_than_until_the_next_one() -> None:
    model = small_model()
    model.compile("sgd", "sparse_categorical_crossentropy")
    for run in (model.predict_on_batch, lambda x: model.train_on_batch(x, np.arange(5) % 4)):
        first = normal(0, 5, 8, 8, 3)
        gone = weakref.ref(first)
        run(first)
        del first
        run(normal(1, 5, 8, 8, 3))
        assert gone() is None


def test_what_was_recorded_runs_after_an_error() -> None:
    class Fragile(layers.Layer):
        def forward(self, call: Call, x: Array) -> Array:
            if x[0, 0, 0, 0] > 100:
                raise ArithmeticError("too large")
            return x

        def backward(self, call: Call, dy: Array) -> Array:
            return dy

    x = cnnx.Input((6, 6, 2))
    model = cnnx.Model(x, layers.Conv2D(3, 3)(Fragile()(layers.ReLU()(x))))
    good, bad = normal(0, 2, 6, 6, 2), np.full((2, 6, 6, 2), 1000, np.float32)
    expected = model.predict_on_batch(good)
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            model.predict_on_batch(bad)
        np.testing.assert_array_equal(model.predict_on_batch(good), expected)


def test_models_of_frozen_and_shared_layers_replay_like_fresh_ones() -> None:
    shared = layers.Conv2D(3, 3, padding="same", activation="relu6")
    x = cnnx.Input((6, 6, 3))
    y = shared(shared(x))
    y = layers.DepthwiseConv2D(3)(layers.concatenate([y, shared(y)]))
    y = layers.Conv2DTranspose(2, 2, strides=2)(layers.UpSampling2D()(y))
    model = cnnx.Model(x, layers.GlobalMaxPooling2D()(layers.Maximum()([y, y])))
    model.compile("sgd", "mean_squared_error")
    copy = copy_of(model)
    batches = [(normal(seed, 4, 6, 6, 3), normal(seed + 9, 4, 2)) for seed in range(4)]
    for batch, target in batches:
        model.train_on_batch(batch, target)
        fresh = copy_of(copy)
        fresh.compile("sgd", "mean_squared_error")
        fresh.train_on_batch(batch, target)
        copy.set_weights(fresh.get_weights())
        for one, other in zip(model.get_weights(), fresh.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def in_threads(count: int, work: Any) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("threads", [1, 2])
def test_predictions_of_several_threads_are_those_of_one(threads: int) -> None:
    model = small_model()
    config.set_num_threads(threads)
    try:
        batches = [normal(seed, 1 + seed % 3, 8, 8, 3) for seed in range(8)]
        expected = [copy_of(model).predict_on_batch(batch) for batch in batches]

        def work(number: int) -> None:
            for _ in range(40):
                np.testing.assert_array_equal(
                    model.predict_on_batch(batches[number]), expected[number]
                )

        in_threads(8, work)
    finally:
        config.set_num_threads(0)


def test_no_prediction_sees_half_of_new_weights() -> None:
    x = cnnx.Input((4, 4, 2))
    y = layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
    y = layers.Conv2D(2, 3, padding="same", use_bias=False)(y)
    model = cnnx.Model(x, layers.GlobalAveragePooling2D()(y))
    ones = [np.ones(weight.shape, np.float32) for weight in model.weights]
    model.set_weights(ones)
    batch = np.abs(normal(0, 2, 4, 4, 2))
    whole = [model.predict_on_batch(batch), 4 * model.predict_on_batch(batch)]

    def work(number: int) -> None:
        if number == 0:
            for turn in range(60):
                model.set_weights([(1 + turn % 2) * one for one in ones])
            return
        for _ in range(60):
            found = model.predict_on_batch(batch)
            assert any(np.array_equal(found, expected) for expected in whole)

    in_threads(4, work)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_a_fork_predicts_while_the_parent_does() -> None:
    model = small_model()
    batch = normal(0, 2, 8, 8, 3)
    expected = model.predict_on_batch(batch)
    done = threading.Event()

    def work(number: int) -> None:
        while not done.is_set():
            model.predict_on_batch(batch)

    thread = threading.Thread(target=in_threads, args=(3, work))
    thread.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                same = np.array_equal(model.predict_on_batch(batch), expected)
                model.set_weights(model.get_weights())
                os._exit(0 if same else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        done.set()
        thread.join()


def test_a_program_refuses_inputs_of_another_size() -> None:
    from cnnx import _core

    x, y = normal(0, 5), np.empty(5, np.float32)
    program = _core.Program()
    program.begin([x])
    _core.relu_forward(x, y)
    program.end()
    other = normal(1, 5)
    program.run(other)
    np.testing.assert_array_equal(y, np.maximum(other, 0))
    for wrong in ([], [other, other], [normal(1, 6)], [other.astype(np.float64)], [other[::-1]]):
        with pytest.raises((TypeError, ValueError), match=r"Program\.run"):
            program.run(*wrong)


def test_the_core_needs_no_gil() -> None:
    """In a free-threaded Python, importing the core leaves the GIL off."""
    if sysconfig.get_config_var("Py_GIL_DISABLED") != 1:
        pytest.skip("this Python has a GIL")
    program = "import sys, cnnx; sys.exit(sys._is_gil_enabled())"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
