"""Networks whose inputs leave sizes open train as those of one size."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import callbacks, explain, layers, losses, metrics, random
from open_networks import (
    CASES,
    OPEN,
    SIZES,
    assert_same,
    classifier,
    images,
    labels,
    segmenter,
    signals,
    twin,
)


def draw_alike(one: cnnx.Model, other: cnnx.Model) -> None:
    """Let the layers of another network draw the random numbers of those of one."""
    for layer, twin_layer in zip(one.leaves(), other.leaves(), strict=True):
        if hasattr(layer, "random_state"):
            twin_layer.random_state = layer.random_state


@pytest.mark.parametrize(("build", "sizes"), CASES)
def test_a_network_trains_as_those_of_one_size(
    build: Callable[..., cnnx.Model], sizes: list[tuple[int, ...]]
) -> None:
    """Steps of several sizes in turn: each is that of a network of its size with the same state."""
    model = build()
    loss = "mse" if build is signals else "sparse_categorical_crossentropy"
    model.compile("adam", loss, [] if build is signals else ["accuracy"])
    state: Any = None
    for number, size in enumerate([*sizes, *sizes[:2]]):
        x = images(4, *size, seed=number)
        y = images(4, 2, seed=9) if build is signals else labels(4, classes=3, seed=number)
        y = labels(4, *size[:2], classes=3, seed=number) if build is segmenter else y
        fixed = twin(build, model, size)
        fixed.compile("adam", loss, [] if build is signals else ["accuracy"])
        if state is not None:
            fixed.set_optimizer_state(state)
        random.set_seed(number)
        draw_alike(model, fixed)
        assert model.test_on_batch(x, y) == fixed.test_on_batch(x, y)
        gradients = fixed.gradients(x, y)
        draw_alike(model, fixed)
        assert_same(model.gradients(x, y).values(), gradients.values())
        draw_alike(model, fixed)
        assert model.train_on_batch(x, y) == fixed.train_on_batch(x, y)
        assert_same(model.get_weights(), fixed.get_weights())
        state = model.compiled_optimizer.get_state()


def mapper(shape: Sequence[int | None] = OPEN, units: int = 3, end: Any = "softmax") -> cnnx.Model:
    """Return a network of maps whose regularizers see outputs, too."""
    image = cnnx.Input(shape)
    x = layers.Conv2D(4, 3, padding="same", activity_regularizer="l2", kernel_regularizer="l1")(
        image
    )
    return cnnx.Model(image, layers.Conv2D(units, 1, activation=end)(layers.ReLU()(x)))


def classes(*shape: int) -> Any:
    return labels(*shape, classes=3)


def one_hot(*shape: int) -> Any:
    return np.eye(3, dtype=np.float32)[classes(*shape)]


def yes_or_no(*shape: int) -> Any:
    return labels(*shape, 1, classes=2)


@pytest.mark.parametrize(
    ("loss", "metric", "units", "end", "targets"),
    [
        ("sparse_categorical_crossentropy", "accuracy", 3, "softmax", classes),
        (losses.SparseCategoricalCrossentropy(ignore_class=0), "accuracy", 3, "softmax", classes),
        (losses.CategoricalCrossentropy(from_logits=True), "accuracy", 3, None, one_hot),
        ("binary_crossentropy", metrics.BinaryIoU(), 1, "sigmoid", yes_or_no),
        ("dice", metrics.AUC(), 1, "sigmoid", yes_or_no),
        ("mse", "mae", 3, None, one_hot),
    ],
)
def test_losses_and_metrics_of_maps(
    loss: Any, metric: Any, units: int, end: Any, targets: Callable[..., Any]
) -> None:
    model = mapper(OPEN, units, end)
    for number, size in enumerate([(6, 8), (5, 9), (6, 8)]):
        fixed = twin(lambda shape: mapper(shape, units, end), model, (*size, 3))
        x, y = images(4, *size, 3, seed=number), targets(4, *size)
        for weights in (None, *([images(4, *size) ** 2] if loss != "dice" else [])):
            found = []
            for one in (model, fixed):
                if one.optimizer is None:
                    one.compile("sgd", loss, [metric])
                found.append(
                    [one.test_on_batch(x, y, weights), *one.gradients(x, y, weights).values()]
                )
            assert_same(*found)
        figures = [one.train_on_batch(x, y) for one in (model, fixed)]
        assert figures[0] == figures[1]
        assert_same(model.get_weights(), fixed.get_weights())


class Batches:
    """A data set of batches of several sizes, with or without weights of samples."""

    def __init__(self, weighted: bool = False, maps: bool = False) -> None:
        self.weighted = weighted
        self.maps = maps

    def __iter__(self) -> Iterator[Any]:
        for number, size in enumerate([(12, 8), (16, 20), (12, 20), (12, 8)]):
            count = 3 + number
            y = labels(count, *(size if self.maps else ()), classes=3, seed=number)
            weights = [images(count, seed=number) ** 2] if self.weighted else []
            yield (images(count, *size, 3, seed=number), y, *weights)


@pytest.mark.parametrize("build", [classifier, segmenter])
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_and_evaluate_streams_of_several_sizes(
    build: Callable[..., cnnx.Model], weighted: bool
) -> None:
    data = Batches(weighted, build is segmenter)
    model = build()
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    by_hand = copy.deepcopy(model)
    history = model.fit(
        data, epochs=2, validation_data=data, class_weight={0: 2.0, 2: 0.5}, verbose=0
    )
    for _ in range(2):
        for x, y, *weight in data:
            by_hand.train_on_batch(x, y, *(weight or [None]), class_weight={0: 2.0, 2: 0.5})
    assert_same(model.get_weights(), by_hand.get_weights())
    figures = [by_hand.test_on_batch(*batch) for batch in data]
    means = np.average(figures, axis=0, weights=[3, 4, 5, 6])
    np.testing.assert_allclose(model.evaluate(data, verbose=0), means, rtol=1e-6)
    assert history.history["val_loss"][-1] == model.evaluate(data, verbose=0)[0]


def test_whole_arrays() -> None:
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = images(40, 10, 9, 3), labels(40)
    history = model.fit(x, y, epochs=8, validation_split=0.2, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert model.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, 7, verbose=0))


def test_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def fitted(stop: int | None) -> cnnx.Model:
        random.set_seed(1)
        model = classifier()
        model.compile(cnnx.optimizers.Adam(use_ema=True), "sparse_categorical_crossentropy")
        kept = callbacks.BackupAndRestore(tmp_path / f"backup {stop is None}", save_freq=1)

        class Stop(callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                if stop is not None and batch == stop:
                    raise KeyboardInterrupt

        try:
            model.fit(Batches(), epochs=2, callbacks=[kept, Stop()], verbose=0)
        except KeyboardInterrupt:
            random.set_seed(2)
            model.fit(Batches(), epochs=2, callbacks=[kept], verbose=0)
        return model

    assert_same(fitted(None).get_weights(), fitted(2).get_weights())


def test_a_training_loop_of_ones_own() -> None:
    model, other = segmenter(), segmenter()
    other.set_weights(model.get_weights())
    loss = losses.SparseCategoricalCrossentropy()
    for one in (model, other):
        one.compile("sgd", loss)
    for x, y in Batches(maps=True):
        outputs = model.forward(x, training=True)
        gradients = model.backward(loss.gradient(y, outputs))
        model.compiled_optimizer.apply(gradients, model.trainable_weights)
        other.train_on_batch(x, y)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_frozen_layers_stay_as_they_are() -> None:
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(Batches(), verbose=0)
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(Batches(), verbose=0)
    after = model.get_weights()
    assert_same(before[:2], after[:2])
    assert not np.array_equal(before[-1], after[-1])


def test_resizing_makes_one_size_of_any() -> None:
    def build(shape: Sequence[int | None] = OPEN) -> cnnx.Model:
        return cnnx.Sequential(
            [
                cnnx.Input(shape),
                layers.Resizing(6, 5),
                layers.Conv2D(2, 3),
                layers.Flatten(),
                layers.Dense(4),
            ]
        )

    model = build()
    model.compile("sgd", "mse")
    assert [layer.output_shape for layer in model.layers][-2:] == [(None, 24), (None, 4)]
    for size in SIZES:
        fixed = twin(build, model, (*size, 3))
        fixed.compile("sgd", "mse")
        x = images(2, *size, 3)
        assert model.train_on_batch(x, np.zeros((2, 4))) == fixed.train_on_batch(
            x, np.zeros((2, 4))
        )
        assert_same(model.get_weights(), fixed.get_weights())


def test_gradients_agree_with_differences() -> None:
    model = segmenter()
    model.compile("sgd", "sparse_categorical_crossentropy")
    for size in [(6, 4), (4, 8)]:
        x, y = images(2, *size, 3), labels(2, *size, classes=3)
        assert explain.check_gradients(model, x, y, elements=8).agrees
