from __future__ import annotations

import copy
import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
import reference
from agreement import assert_close, backends, normal
from cnnx import _core, layers
from cnnx.models import data_sets

CLASSES = 3


def images(count: int = 50, size: int = 8) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = np.random.default_rng(count).integers(0, CLASSES, count)
    noise = normal(count, count, size, size, 2)
    return noise + labels[:, None, None, None].astype(np.float32), labels


def small_cnn(seed: int = 1, size: int = 8, filters: int = 4) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(seed)
    model = cnnx.Sequential(
        [
            cnnx.Input((size, size, 2)),
            layers.Conv2D(filters, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax", name="head"),
        ]
    )
    model.compile(
        optimizer=cnnx.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def fit(model: cnnx.Sequential, x: Any, y: Any, **options: Any) -> dict[str, list[float]]:
    return model.fit(x, y, **{"batch_size": 8, "epochs": 2, "verbose": 0, **options}).history


def assert_same_bits(a: list[NDArray[Any]], b: list[NDArray[Any]]) -> None:
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)


# --- fit, evaluate, predict -----------------------------------------------------------------------


def test_history_holds_one_value_an_epoch() -> None:
    x, y = images()
    history = small_cnn().fit(x, y, batch_size=8, epochs=3, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(values) == 3 for values in history.history.values())
    assert list(history.epoch) == [0, 1, 2]
    assert history.history["loss"][-1] < history.history["loss"][0]


@pytest.mark.parametrize("samples", [10, 20, 50, 100, 300])
def test_validation_split_holds_back_the_share_that_was_asked_for(samples: int) -> None:
    for percent in range(1, 100):
        if samples * percent % 100 == 0:
            held = samples * percent // 100
            parts = data_sets._split([np.arange(samples)], percent / 100)
            assert [len(part) for (part,) in parts] == [samples - held, held], percent


def test_validation_split_holds_back_the_last_samples() -> None:
    x, y = images()
    split = small_cnn()
    first = fit(split, x, y, validation_split=0.3)
    given = small_cnn()
    second = fit(given, x[:35], y[:35], validation_data=(x[35:], y[35:]))
    assert first == second
    assert_same_bits(split.get_weights(), given.get_weights())
    assert first["val_loss"][-1] == pytest.approx(
        split.evaluate(x[35:], y[35:], verbose=0)[0], rel=1e-6
    )


def test_evaluate_is_the_mean_over_the_samples() -> None:
    x, y = images()
    model = small_cnn()
    fit(model, x, y)
    probs = model.predict(x, verbose=0)
    losses = -np.log(probs[np.arange(len(y)), y])
    for batch_size in (1, 7, 50, 64):
        loss, accuracy = model.evaluate(x, y, batch_size=batch_size, verbose=0)
        assert loss == pytest.approx(losses.mean(), rel=1e-5)
        assert accuracy == pytest.approx(np.mean(probs.argmax(axis=1) == y), abs=1e-9)
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(named) == ["loss", "accuracy"]
    assert model.test_on_batch(x, y) == pytest.approx([*named.values()], rel=1e-5)


def test_predict_in_batches_equals_at_once() -> None:
    x, y = images()
    model = small_cnn()
    fit(model, x, y)
    at_once = model.predict_on_batch(x)
    assert at_once.shape == (50, CLASSES)
    for batch_size in (1, 7, 50, 64):
        np.testing.assert_allclose(
            model.predict(x, batch_size=batch_size, verbose=0), at_once, rtol=1e-5
        )
    kept = at_once.copy()
    model.predict_on_batch(x[::-1])
    np.testing.assert_array_equal(at_once, kept, "a later call overwrote an earlier result")
    assert model.predict(x[:0], verbose=0).shape == (0, CLASSES)


def test_without_shuffling_fit_is_train_on_batch_in_order() -> None:
    x, y = images(16)
    ordered = small_cnn()
    fit(ordered, x, y, shuffle=False, epochs=1)
    by_hand = small_cnn()
    for start in (0, 8):
        by_hand.train_on_batch(x[start : start + 8], y[start : start + 8])
    assert_same_bits(ordered.get_weights(), by_hand.get_weights())


@pytest.mark.parametrize("batch_size", [1, 7, 16, 50, 64])
def test_any_batch_size_with_a_partial_last_batch(batch_size: int) -> None:
    """With shuffling off and a rate of 0 the epoch's loss is the mean over all samples."""
    x, y = images()
    model = small_cnn()
    model.layers[-3].rate = 0.0
    model.get_layer("norm").trainable = False
    model.compile(optimizer=cnnx.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
    before = model.get_weights()
    history = fit(model, x, y, batch_size=batch_size, epochs=1)
    assert history["loss"][0] == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
    assert_same_bits(model.get_weights(), before)


# --- what a step computes -------------------------------------------------------------------------


def test_train_on_batch_is_what_numpy_computes() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((5,)),
            layers.Dense(4, activation="tanh"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(optimizer=cnnx.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    w1, b1, w2, b2 = (weight.astype(np.float64) for weight in model.get_weights())
    for step in range(3):
        x, y = normal(step, 6, 5), np.arange(6) % CLASSES
        hidden = np.tanh(x @ w1 + b1)
        losses, d_logits = reference.softmax_cross_entropy(
            hidden @ w2 + b2, reference.one_hot(y, CLASSES)
        )
        d_hidden = d_logits @ w2.T * (1 - hidden**2)
        gradients = (x.T @ d_hidden, d_hidden.sum(0), hidden.T @ d_logits, d_logits.sum(0))
        w1, b1, w2, b2 = (w - 0.1 / 6 * g for w, g in zip((w1, b1, w2, b2), gradients, strict=True))
        assert model.train_on_batch(x, y) == pytest.approx(losses.mean(), rel=1e-5)
    for got, expected in zip(model.get_weights(), (w1, b1, w2, b2), strict=True):
        assert_close(got, expected)


def weights_after_three_steps(tail: list[Any], loss: Any, y: Any) -> list[NDArray[np.float32]]:
    cnnx.utils.set_random_seed(3)
    model = cnnx.Sequential([cnnx.Input((5,)), *tail])
    model.compile(optimizer=cnnx.optimizers.SGD(0.5), loss=loss)
    for step in range(3):
        model.train_on_batch(normal(step, 6, 5), y)
    return model.get_weights()


LABELS = np.arange(6) % CLASSES
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]


@pytest.mark.parametrize(
    ("activation", "loss", "from_logits", "y"),
    [
        (
            "softmax",
            "categorical_crossentropy",
            lambda: cnnx.losses.CategoricalCrossentropy(from_logits=True),
            ONE_HOT,
        ),
        (
            "softmax",
            "sparse_categorical_crossentropy",
            lambda: cnnx.losses.SparseCategoricalCrossentropy(from_logits=True),
            LABELS,
        ),
        (
            "sigmoid",
            "binary_crossentropy",
            lambda: cnnx.losses.BinaryCrossentropy(from_logits=True),
            ONE_HOT,
        ),
    ],
)
def test_fused_and_separate_losses_learn_the_same(
    activation: str, loss: str, from_logits: Callable[[], Any], y: NDArray[Any]
) -> None:
    """The reshape keeps the plan from seeing the activation beside the loss."""
    fused = weights_after_three_steps([layers.Dense(CLASSES, activation=activation)], loss, y)
    variants = [
        weights_after_three_steps([layers.Dense(CLASSES), layers.Activation(activation)], loss, y),
        weights_after_three_steps([layers.Dense(CLASSES)], from_logits(), y),
        weights_after_three_steps(
            [layers.Dense(CLASSES, activation=activation), layers.Reshape((CLASSES,))], loss, y
        ),
    ]
    for variant in variants:
        for got, expected in zip(variant, fused, strict=True):
            assert_close(got, expected)


def test_binary_cross_entropy_on_a_softmax_output() -> None:
    """Each class's own binary loss: the softmax must not be fused away as a sigmoid."""
    model = cnnx.Sequential([cnnx.Input((5,)), layers.Dense(CLASSES, activation="softmax")])
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    x = normal(1, 6, 5)
    w, b = model.get_weights()
    losses, _ = reference.binary_cross_entropy(reference.softmax_forward(x @ w + b), ONE_HOT)
    assert model.train_on_batch(x, ONE_HOT) == pytest.approx(losses.mean(), rel=1e-5)


# --- weights --------------------------------------------------------------------------------------


def test_weights_are_views_into_one_flat_buffer() -> None:
    model = small_cnn()
    fit(model, *images())
    trained = [weight.value for weight in model.trainable_weights]
    addresses = sorted((value.ctypes.data, value.nbytes) for value in trained)
    assert all(a + size == b for (a, size), (b, _) in itertools.pairwise(addresses)), "gaps"
    fit(model, *images())
    for weight, value in zip(model.trainable_weights, trained, strict=True):
        assert np.shares_memory(weight.value, value)
    model.set_weights([np.ones_like(value) for value in model.get_weights()])
    assert all((value == 1).all() for value in trained)


def test_weights_come_and_go_in_the_order_of_the_layers() -> None:
    model, copy = small_cnn(), small_cnn(seed=5)
    x, y = images()
    fit(model, x, y)
    weights = model.get_weights()
    assert [weight.shape for weight in weights] == [
        (3, 3, 2, 4),
        *[(4,)] * 5,
        (36, CLASSES),
        (CLASSES,),
    ]
    copy.set_weights(weights)
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))
    assert model.count_params() == sum(weight.size for weight in weights)


def test_frozen_layers_do_not_change_and_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = images()
    model = small_cnn()
    frozen = [model.get_layer("conv"), model.get_layer("norm")]
    for layer in frozen:
        layer.trainable = False

    def never(*_: Any) -> None:
        raise AssertionError("a gradient was computed for a frozen layer")

    for layer in model.layers[:-1]:
        for method in ("backward", "net_input_backward"):
            monkeypatch.setattr(layer, method, never, raising=False)
    before = [weight for layer in frozen for weight in layer.get_weights()]
    head = model.get_layer("head").get_weights()
    fit(model, x, y)
    assert_same_bits([weight for layer in frozen for weight in layer.get_weights()], before)
    assert not np.array_equal(model.get_layer("head").get_weights()[0], head[0])
    assert len(model.trainable_weights) == 2


def test_a_frozen_layer_in_the_middle_passes_gradients_through() -> None:
    x, y = images()
    model = small_cnn()
    model.get_layer("head").trainable = False
    head, conv = (model.get_layer(name).get_weights() for name in ("head", "conv"))
    fit(model, x, y, epochs=1)
    assert_same_bits(model.get_layer("head").get_weights(), head)
    assert not np.array_equal(model.get_layer("conv").get_weights()[0], conv[0])


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, activation="tanh"),
        layers.Conv2D(3, 3, activation="tanh"),
        layers.Conv2D(3, 3, bias="untied"),
        layers.Conv2D(3, 3, bias_operation="multiply"),
        layers.DepthwiseConv2D(3),
        layers.SeparableConv2D(3, 3),
        layers.Conv2DTranspose(3, 3),
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.GroupNormalization(2),
    ],
    ids=str,
)
def test_one_weight_learns_while_the_others_are_frozen(layer: layers.Layer) -> None:
    x, y = images(12)
    top = layers.Dense(CLASSES, activation="softmax")
    stack = [layers.Conv2D(4, 1), layer, layers.Flatten(), top]
    model = cnnx.Sequential([cnnx.Input(x.shape[1:]), *stack])
    model.compile("sgd", "sparse_categorical_crossentropy")
    expected = model.gradients(x, y)
    learnable = layer.trainable_weights
    for learning in learnable:
        alone = copy.deepcopy(model)  # in memory of its own, which holds no gradient yet
        weights = alone.get_layer(layer.name).trainable_weights
        for weight in weights:
            weight.trainable = weight.path == learning.path
        assert_close(alone.gradients(x, y)[learning.path], expected[learning.path])
        alone.train_on_batch(x, y)
        for weight, before in zip(weights, learnable, strict=True):
            assert np.array_equal(weight.value, before.value) == (before is not learning)


# --- repeatability and memory ---------------------------------------------------------------------


def test_a_whole_fit_gives_the_same_bits_on_1_and_2_threads() -> None:
    """The images are large enough for most operations to be shared between 2 threads."""
    x, y = images(80, size=26)
    results: dict[str, list[Any]] = {}
    for backend in backends():
        backend.use()
        model = small_cnn(size=26, filters=24)
        history = fit(model, x, y, batch_size=32)
        result = [*model.get_weights(), np.array(list(history.values()))]
        assert_same_bits(results.setdefault(backend.isa, result), result)


def test_the_seed_decides_weights_shuffling_and_dropout() -> None:
    x, y = images()
    first, again, other = small_cnn(), small_cnn(), small_cnn(seed=2)
    for seed, model in ((1, first), (1, again), (2, other)):
        cnnx.utils.set_random_seed(seed)
        fit(model, x, y)
    assert_same_bits(first.get_weights(), again.get_weights())
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


def traced_peak(calls: Callable[[], Any]) -> int:
    """Return by how many bytes Python's and NumPy's memory grew at most during the calls."""
    tracemalloc.start()
    try:
        start, _ = tracemalloc.get_traced_memory()
        calls()
        return tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()


def test_a_step_allocates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 images of 32x32x8 take 2 MiB; Python's own objects of a step may take a few KiB."""
    model = cnnx.Sequential(
        [
            cnnx.Input((32, 32, 8)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = normal(1, 160, 32, 32, 8), np.arange(160) % CLASSES
    model.fit(x, y, batch_size=64, verbose=0)
    model.train_on_batch(x[:64], y[:64])

    def refuse(size: int) -> NoReturn:
        raise AssertionError(f"{size} bytes")  # which tracemalloc would not see

    with monkeypatch.context() as patch:
        patch.setattr(_core, "empty", refuse)
        assert traced_peak(lambda: model.train_on_batch(x[:64], y[:64])) < 16 * 1024

    peaks: list[int] = []
    watch = cnnx.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: monkeypatch.setattr(_core, "empty", refuse),
        on_train_batch_begin=lambda batch, logs: tracemalloc.reset_peak(),
        on_train_batch_end=lambda batch, logs: peaks.append(
            tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0]
        ),
    )
    traced_peak(lambda: model.fit(x, y, batch_size=64, epochs=3, verbose=0, callbacks=[watch]))
    assert len(peaks) == 9
    assert max(peaks[3:]) < 16 * 1024
