"""What every optimizer takes: decay, bounds of gradients, averages, gathered gradients."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, backends, normal, restore_backend
from cnnx import optimizers
from cnnx.layers import BatchNormalization, Dense
from cnnx.optimizers import OPTIMIZERS, SGD, Optimizer

STEPS = 7
EVERY = list(OPTIMIZERS.values())


def network(optimizer: Optimizer) -> cnnx.Sequential:
    model = cnnx.Sequential(
        [cnnx.Input((4,)), Dense(3, name="first"), Dense(2, use_bias=False, name="second")]
    )
    model.set_weights([normal(9, 4, 3), normal(10, 3), normal(11, 3, 2)])
    model.compile(optimizer, "mse")
    return model


def batch(step: int) -> tuple[Any, Any]:
    return normal(step, 5, 4), normal(step + 50, 5, 2)


def train(model: Any, steps: range = range(STEPS)) -> list[Any]:
    for step in steps:
        model.train_on_batch(*batch(step))
    found: list[Any] = model.get_weights()
    return found


def by_hand(change: Callable[[list[Any], list[Any], int], list[Any]]) -> list[Any]:
    """Train in NumPy: `change(weights, gradients, step)` gives the next weights."""
    weights: list[Any] = [array.astype(np.float64) for array in network(SGD()).get_weights()]
    for step in range(STEPS):
        x, y = (array.astype(np.float64) for array in batch(step))
        kernel, bias, last = weights
        middle = x @ kernel + bias
        of_output = 2 * (middle @ last - y) / y.size
        of_middle = of_output @ last.T
        gradients = [x.T @ of_middle, of_middle.sum(0), middle.T @ of_output]
        weights = change(weights, gradients, step)
    return weights


def assert_all_close(got: list[Any], expected: list[Any]) -> None:
    for one, other in zip(got, expected, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("cls", EVERY)
def test_every_optimizer_lets_weights_decay_before_its_step(cls: type[Any]) -> None:
    """With gradients of 0 there is nothing but the decay; biases are excluded by name."""
    optimizer = cls(learning_rate=0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model = network(optimizer)
    before = model.get_weights()
    model.forward(batch(0)[0], training=True)
    for _ in range(2):
        optimizer.apply([np.zeros_like(array) for array in before], model.trainable_weights)
    kernel, bias, last = model.get_weights()
    assert_close(kernel, before[0] * 0.95**2)
    assert_close(last, before[2] * 0.95**2)
    np.testing.assert_array_equal(bias, before[1])


def test_weight_decay_follows_the_schedule() -> None:
    rates = [0.1 * (1 - step / 10) for step in range(STEPS)]

    def change(weights: list[Any], gradients: list[Any], step: int) -> list[Any]:
        kept = 1 - rates[step] * 0.5
        return [w * kept - rates[step] * g for w, g in zip(weights, gradients, strict=True)]

    schedule = optimizers.schedules.PolynomialDecay(0.1, 10, 0.0)
    assert_all_close(train(network(SGD(schedule, weight_decay=0.5))), by_hand(change))


def test_weights_themselves_can_be_excluded_and_stay_so_in_a_file(tmp_path: Path) -> None:
    optimizer = SGD(0.1, weight_decay=0.5)
    model = network(optimizer)
    optimizer.exclude_from_weight_decay([model.get_layer("first").kernel])
    model.save(tmp_path / "model")
    loaded = cnnx.saving.load_model(tmp_path / "model")

    def change(weights: list[Any], gradients: list[Any], _: int) -> list[Any]:
        triples = zip(weights, (1.0, 0.95, 0.95), gradients, strict=True)
        return [w * kept - 0.1 * g for w, kept, g in triples]

    expected = by_hand(change)
    assert_all_close(train(model), expected)
    assert_all_close(train(loaded), expected)
    with pytest.raises(ValueError, match="before training begins"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    with pytest.raises(TypeError, match="var_names must be a list of texts"):
        SGD().exclude_from_weight_decay(var_names="bias")


def clipped_by_norm(gradients: list[Any]) -> list[Any]:
    return [g * min(1, 0.3 / np.linalg.norm(g)) for g in gradients]


def clipped_together(gradients: list[Any]) -> list[Any]:
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * min(1, 0.3 / norm) for g in gradients]


@pytest.mark.parametrize(
    ("name", "clip"),
    [
        ("clipnorm", clipped_by_norm),
        ("clipvalue", lambda gradients: [np.clip(g, -0.3, 0.3) for g in gradients]),
        ("global_clipnorm", clipped_together),
    ],
)
def test_gradients_are_bounded(name: str, clip: Callable[[list[Any]], list[Any]]) -> None:
    def change(weights: list[Any], gradients: list[Any], _: int) -> list[Any]:
        return [w - 0.1 * g for w, g in zip(weights, clip(gradients), strict=True)]

    bounds: dict[str, Any] = {name: 0.3}
    assert_all_close(train(network(SGD(0.1, **bounds))), by_hand(change))
    wide = train(network(SGD(0.1, **{name: 1e9})))  # type: ignore[arg-type]
    for one, other in zip(wide, train(network(SGD(0.1))), strict=True):
        assert one.tobytes() == other.tobytes()


def test_one_bound_alone() -> None:
    with pytest.raises(ValueError, match=r"SGD: give one of .*clipnorm=1.0, clipvalue=2.0"):
        SGD(clipnorm=1.0, clipvalue=2.0)


def test_the_global_norm_has_the_same_bits_for_any_number_of_threads() -> None:
    found: dict[str, list[bytes]] = {}
    with restore_backend():
        for backend in backends():
            backend.use()
            model = cnnx.Sequential([cnnx.Input((400,)), Dense(700), Dense(300)])
            for weight in model.weights:
                weight.assign(normal(weight.size, *weight.shape))
            model.compile(SGD(0.1, global_clipnorm=0.1), "mse")
            model.train_on_batch(normal(1, 8, 400), normal(2, 8, 300))
            found.setdefault(backend.isa, []).append(model.get_weights()[0].tobytes())
    for one, two in found.values():
        assert one == two


def test_the_mean_of_gathered_gradients_makes_one_step() -> None:
    gathered: list[Any] = []

    def change(weights: list[Any], gradients: list[Any], _: int) -> list[Any]:
        gathered.append(gradients)
        if len(gathered) % 3:
            return weights
        means = [sum(parts) / 3 for parts in zip(*gathered[-3:], strict=True)]
        return [w * (1 - 0.1 * 0.2) - 0.1 * g for w, g in zip(weights, means, strict=True)]

    optimizer = SGD(0.1, weight_decay=0.2, gradient_accumulation_steps=3)
    model = network(optimizer)
    assert_all_close(train(model), by_hand(change))
    assert optimizer.iterations == STEPS // 3


def test_adam_counts_steps_and_not_batches() -> None:
    """Its corrections are those of the second step after four batches in pairs."""
    pairs = network(optimizers.Adam(0.1, gradient_accumulation_steps=2))
    alone = network(optimizers.Adam(0.1))
    for step in range(2):
        for _ in range(2):
            pairs.train_on_batch(*batch(step))
        alone.train_on_batch(*batch(step))
    assert_all_close(pairs.get_weights(), alone.get_weights())


@pytest.mark.parametrize("frequency", [None, 3])
def test_the_average_of_the_weights(frequency: int | None) -> None:
    """By the rule of Keras: the first average is the first weights, and 3 steps overwrite them."""
    average: list[Any] = []

    def change(weights: list[Any], gradients: list[Any], step: int) -> list[Any]:
        after = [w - 0.1 * g for w, g in zip(weights, gradients, strict=True)]
        kept = 0.8 if step else 0.0
        before = average or after
        average[:] = [kept * a + (1 - kept) * w for a, w in zip(before, after, strict=True)]
        overwrites = frequency is not None and (step + 1) % frequency == 0
        return list(average) if overwrites else after

    optimizer = SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=frequency)
    model = network(optimizer)
    assert_all_close(train(model), by_hand(change))
    flat = np.concatenate([array.ravel() for array in average])
    assert_close(optimizer.slots["average"], flat)


def test_frozen_weights_have_an_average_that_is_their_own() -> None:
    optimizer = SGD(0.1, use_ema=True, ema_momentum=0.5)
    model = network(optimizer)
    model.get_layer("first").trainable = False
    train(model)
    model.get_layer("first").trainable = True
    before = model.get_weights()[0]
    train(model, range(1))
    mean = (before + model.get_weights()[0]) / 2
    assert_close(optimizer.slots["average"][:12].reshape(4, 3), mean)


def test_batch_statistics_are_no_part_of_the_average() -> None:
    model = cnnx.Sequential([cnnx.Input((4, 4, 2)), BatchNormalization()])
    model.compile(SGD(0.1, use_ema=True), "mse")
    model.train_on_batch(normal(1, 3, 4, 4, 2), normal(2, 3, 4, 4, 2))
    assert model.compiled_optimizer.slots["average"].size == 4


ALL: dict[str, Any] = {
    "weight_decay": 0.1,
    "global_clipnorm": 0.4,
    "use_ema": True,
    "ema_momentum": 0.9,
    "ema_overwrite_frequency": 2,
    "gradient_accumulation_steps": 2,
}


@pytest.mark.parametrize("cls", EVERY)
def test_a_saved_model_goes_on_with_the_same_bits(cls: type[Any], tmp_path: Path) -> None:
    """After an odd number of batches, so that a gradient waits for the next."""
    model = network(cls(learning_rate=0.01, **ALL))
    train(model, range(3))
    model.save(tmp_path / "model")
    loaded: Any = cnnx.saving.load_model(tmp_path / "model")
    copied = copy.deepcopy(model)
    expected = train(model, range(3, STEPS))
    for other in (loaded, copied):
        for one, two in zip(train(other, range(3, STEPS)), expected, strict=True):
            assert one.tobytes() == two.tobytes()
        assert other.optimizer.get_config() == model.compiled_optimizer.get_config()


def test_the_rate_can_be_assigned() -> None:
    optimizer = SGD(0.1)
    optimizer.learning_rate.assign(0.5)
    assert optimizer.learning_rate == 0.5
    assert optimizer.learning_rate.numpy() == 0.5
    again = pickle.loads(pickle.dumps(optimizer.learning_rate))
    assert type(again) is float
    with pytest.raises(ValueError, match="SGD: learning_rate"):
        optimizer.learning_rate.assign(-1)


def test_gradients_and_weights_in_pairs() -> None:
    optimizer = SGD(0.5)
    model = network(optimizer)
    before = model.get_weights()
    model.forward(batch(0)[0], training=True)
    optimizer.apply_gradients([(np.ones(weight.shape), weight) for weight in model.variables])
    assert_all_close(model.get_weights(), [array - 0.5 for array in before])
    optimizer.apply([np.ones(array.shape) for array in before])  # all that is trainable
    assert_all_close(model.get_weights(), [array - 1 for array in before])
    assert model.trainable_variables == model.trainable_weights
    assert model.non_trainable_variables == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"loss_scale_factor": 2.0}, ValueError, "SGD: loss_scale_factor must be None, got 2.0"),
        ({"decay": 0.1}, TypeError, "SGD takes no argument decay; give .*InverseTimeDecay"),
        ({"speed": 0.1}, TypeError, "SGD takes no argument speed"),
        ({"gradient_accumulation_steps": 1}, ValueError, "accumulation_steps must be at least 2"),
        ({"use_ema": True, "ema_momentum": 1.5}, ValueError, "SGD: ema_momentum"),
        ({"use_ema": True, "ema_overwrite_frequency": 0}, ValueError, "ema_overwrite_frequency"),
        ({"clipnorm": 0.0}, ValueError, "SGD: clipnorm"),
        ({"weight_decay": -1.0}, ValueError, "SGD: weight_decay"),
        ({"name": 3}, TypeError, "SGD: name must be a text"),
    ],
)
def test_wrong_settings(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SGD(0.1, **arguments)


@pytest.mark.parametrize(
    "given",
    [
        {"weight_decay": 0.3},
        {"clipnorm": 0.3},
        {"clipvalue": 0.1},
        {"global_clipnorm": 0.3},
        {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2},
        {"gradient_accumulation_steps": 2, "weight_decay": 0.1, "clipnorm": 0.5},
    ],
    ids="-".join,
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras itself
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adamax", "Adadelta", "Lion"])
def test_settings_do_what_they_do_in_keras(keras: Any, name: str, given: dict[str, Any]) -> None:
    theirs = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2, use_bias=False)]
    )
    own = {"epsilon_hat": True} if name == "Adam" else {}
    model = network(getattr(optimizers, name)(0.01, **given, **own))
    theirs.set_weights(model.get_weights())
    theirs.compile(getattr(keras.optimizers, name)(0.01, **given), "mse")
    x, y = normal(1, 20, 4), normal(2, 20, 2)
    for first in range(0, 20, 5):
        model.train_on_batch(x[first : first + 5], y[first : first + 5])
        theirs.train_on_batch(x[first : first + 5], y[first : first + 5])
    for one, other in zip(model.get_weights(), theirs.get_weights(), strict=True):
        assert_close(one, other, 1e-4)
