from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from agreement import normal
from cnnx.layers import Dense, Input

X, Y = normal(1, 20, 5), np.arange(20) % 3
W = np.linspace(0, 2, 20, dtype=np.float32)


class Cut:
    """A stream: arrays cut into batches."""

    def __init__(self, *arrays: NDArray[Any], size: int = 8) -> None:
        self.arrays, self.size = arrays, size

    def __len__(self) -> int:
        return -(-len(self.arrays[0]) // self.size)

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self.arrays[0]), self.size):
            yield tuple(array[start : start + self.size] for array in self.arrays)


def small_model(loss: Any = "sparse_categorical_crossentropy") -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential([Input((5,)), Dense(3, activation="softmax")])
    model.compile("adam", loss, ["accuracy"])
    return model


@pytest.mark.parametrize("arrays", [(X, Y), (X, Y, W)], ids=["x y", "x y weights"])
def test_a_stream_is_the_arrays_that_it_cuts(arrays: Any) -> None:
    x, y, *weights = arrays
    weight = weights[0] if weights else None
    whole, cut = small_model(), small_model()
    options = {"epochs": 3, "verbose": 0}
    expected = whole.fit(
        x, y, 8, shuffle=False, sample_weight=weight, validation_data=arrays, **options
    )
    got = cut.fit(Cut(*arrays), validation_data=Cut(*arrays), **options)
    for name, values in expected.history.items():
        assert got.history[name] == pytest.approx(values, rel=1e-5), name
    for one, other in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert cut.evaluate(Cut(*arrays), verbose=0) == pytest.approx(
        whole.evaluate(x, y, 8, verbose=0, sample_weight=weight)
    )
    np.testing.assert_array_equal(cut.predict(Cut(*arrays), verbose=0), whole.predict(X, 8, 0))


def test_batches_may_hold_anything_that_arrays_may() -> None:
    lists = Cut((X * 50).astype(np.int8), np.array(Y, np.uint8))
    model = small_model()
    model.fit(lists, epochs=2, verbose=0)
    model.fit(lists, verbose=0, class_weight={0: 2.0})
    unbuilt = cnnx.Sequential([Dense(3, activation="softmax")])
    unbuilt.compile("sgd", "sparse_categorical_crossentropy")
    unbuilt.fit(lists, verbose=0)
    assert unbuilt.input_shape == (None, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.fit(Cut(X, Y), Y), "fit: x is a stream"),
        (lambda model: model.evaluate(Cut(X, Y), sample_weight=W), "evaluate: x is a stream"),
        (lambda model: model.fit(Cut(X, Y), validation_split=0.2), "cannot be split"),
        (lambda model: model.fit(Cut(X)), r"must yield \(x, y\)"),
        (lambda model: model.fit(Cut(X[:, :4], Y)), r"fit: .*expects x of shape \(batch, 5\)"),
        (lambda model: model.fit(Cut(X, Y + 1)), "fit: label 3"),
        (lambda model: model.fit(Cut(X[:0], Y[:0])), "gave no batches"),
        (lambda model: model.predict(Cut(X[:, 0])), "predict: .*expects x"),
        (lambda model: model.fit(X, Y, validation_data=X), "validation_data must be"),
    ],
)
def test_wrong_streams_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(small_model())


# --- weights --------------------------------------------------------------------------------------


def test_weights_count_samples_as_often() -> None:
    """Twice the weight is the same sample twice, but for the number that the mean divides by."""
    twice, weighed = small_model(), small_model()
    both = np.concatenate([X, X[:5]]), np.concatenate([Y, Y[:5]])
    weights = np.where(np.arange(20) < 5, 2, 1)
    loss = twice.train_on_batch(*both)[0] * 25 / 20
    assert weighed.train_on_batch(X, Y, weights)[0] == pytest.approx(loss, rel=1e-6)
    one, other = (model.trainable_weights[0].gradient for model in (twice, weighed))
    np.testing.assert_allclose(one * 25 / 20, other, rtol=1e-5, atol=1e-7)


def test_a_weight_of_nothing_leaves_a_sample_out() -> None:
    model = small_model()
    weights = (np.arange(20) < 10).astype(int)
    expected = model.test_on_batch(X[:10], Y[:10])[0] / 2
    assert model.test_on_batch(X, Y, weights)[0] == pytest.approx(expected, rel=1e-6)
    assert model.evaluate(X, Y, sample_weight=weights, verbose=0)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "y"),
    [("sparse_categorical_crossentropy", Y), ("categorical_crossentropy", np.eye(3)[Y])],
)
def test_class_weights_are_sample_weights(loss: str, y: NDArray[Any]) -> None:
    by_class, by_sample = small_model(loss), small_model(loss)
    weights = np.array([3, 1, 0.5])[Y]
    options = {"epochs": 2, "shuffle": False, "verbose": 0, "batch_size": 6}
    one = by_class.fit(X, y, class_weight={0: 3, 2: 0.5}, validation_split=0.25, **options)
    other = by_sample.fit(X[:15], y[:15], sample_weight=weights[:15], **options)
    assert one.history["loss"] == other.history["loss"]
    assert by_class.train_on_batch(X, y, W, {0: 3, 2: 0.5}) == by_sample.train_on_batch(
        X, y, W * weights
    )


def test_weights_of_images_count_all_their_pixels() -> None:
    x, y = normal(1, 6, 4, 5), np.arange(24).reshape(6, 4) % 3
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential([Input((4, 5)), Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    weights = np.array([1, 0, 0, 2, 0, 0])
    expected = (model.test_on_batch(x[:1], y[:1]) + 2 * model.test_on_batch(x[3:4], y[3:4])) / 6
    assert model.train_on_batch(x, y, weights) == pytest.approx(expected, rel=1e-6)


def test_figures_by_name() -> None:
    model = small_model()
    loss, accuracy = model.test_on_batch(X, Y)
    named = {"loss": loss, "accuracy": accuracy}
    assert model.test_on_batch(X, Y, return_dict=True) == named
    assert model.train_on_batch(X, Y, return_dict=True) == named


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sample_weight": W[:3]}, ValueError, r"sample_weight .*shape \(20,\), got \(3,\)"),
        ({"sample_weight": W * np.nan}, ValueError, "sample_weight must be finite, got nan"),
        ({"sample_weight": "many"}, TypeError, "sample_weight"),
        ({"class_weight": [1, 2, 3]}, TypeError, "class_weight must be a dict"),
        ({"class_weight": {0: np.inf}}, ValueError, "class_weight of class 0"),
        ({"class_weight": {"cat": 1}}, TypeError, "class_weight: a class"),
    ],
)
def test_wrong_weights_are_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        small_model().fit(X, Y, verbose=0, **options)


# --- clones ---------------------------------------------------------------------------------------


def test_a_clone_has_the_layers_and_weights_of_its_own() -> None:
    model = small_model()
    clone = cnnx.models.clone_model(model)
    assert clone.get_config() == model.get_config()
    assert clone.built
    assert clone.optimizer is None
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    clone.set_weights([np.ones((5, 3), int), [1, 2, 3]])
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    with pytest.raises(TypeError, match="clone_model: expected a model"):
        cnnx.models.clone_model(model.layers)


class Endless(Cut):
    """A stream whose length is right, and which never ends."""

    def __iter__(self) -> Iterator[Any]:
        while True:
            yield from super().__iter__()


class Numbered:
    """A set of batches, as Keras' PyDataset is one: no `__iter__`."""

    def __init__(self, *arrays: NDArray[Any]) -> None:
        self.batches = list(Cut(*arrays))
        self.epochs = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        return self.batches[index % len(self)]

    def on_epoch_end(self) -> None:
        self.epochs += 1


class OfUnknownLength:
    def __init__(self, *arrays: NDArray[Any]) -> None:
        self.batches = Cut(*arrays)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


def results(data: Any, judging: Any, predicted: Any, **steps: Any) -> tuple[Any, ...]:
    model = small_model()
    given = {"steps_per_epoch": steps["fit"], "validation_steps": steps["fit"]} if steps else {}
    history = model.fit(data(), validation_data=judging(), epochs=3, verbose=0, **given).history
    rest = {"verbose": 0, "steps": steps.get("fit")}
    return history, model.evaluate(data(), **rest), model.predict(predicted(), **rest)


FORMS: dict[str, Any] = {
    "never ends": (Endless, {}),
    "numbered": (Numbered, {}),
    "length unknown": (OfUnknownLength, {}),
    "generator": (lambda *arrays: iter(Endless(*arrays)), {"fit": 3}),
    "steps": (Cut, {"fit": 3}),
}


@pytest.mark.parametrize(("form", "steps"), FORMS.values(), ids=FORMS)
def test_all_kinds_of_streams_give_the_same_batches(form: Any, steps: Any) -> None:
    def made(kind: Any, *arrays: Any) -> Any:
        return lambda: kind(*arrays)

    expected = results(made(Cut, X, Y), made(Cut, X, Y), made(Cut, X))
    got = results(made(form, X, Y), made(form, X, Y), made(form, X), **steps)
    assert got[:2] == expected[:2]
    np.testing.assert_array_equal(got[2], expected[2])


def test_steps_go_on_where_the_epoch_before_ended() -> None:
    seen: list[float] = []

    def batches() -> Iterator[Any]:
        number = 0.0
        while True:
            seen.append(number)
            yield np.full((2, 5), number), [0, 1]
            number += 1

    unbuilt = cnnx.Sequential([Dense(3, activation="softmax")])
    unbuilt.compile("sgd", "sparse_categorical_crossentropy")
    unbuilt.fit(batches(), steps_per_epoch=2, epochs=3, verbose=0)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_set_of_batches_is_told_that_an_epoch_has_ended() -> None:
    data = Numbered(X, Y)
    small_model().fit(data, epochs=3, verbose=0)
    assert data.epochs == 3


def test_a_generator_that_ends() -> None:
    model = small_model()
    assert len(model.fit(iter(Cut(X, Y)), verbose=0).epoch) == 1
    with pytest.raises(
        ValueError,
        match="a generator can be read once; make it endless and give the number of steps",
    ):
        model.fit(iter(Cut(X, Y)), epochs=2, verbose=0)
    with pytest.warns(RuntimeWarning, match="evaluate: x ended after 3 of 5 batches"):
        model.evaluate(iter(Cut(X, Y)), steps=5, verbose=0)


# --- steps of arrays ------------------------------------------------------------------------------


class Shown(cnnx.callbacks.Callback):
    """Notes the figures of each batch."""

    def __init__(self) -> None:
        self.epochs: list[list[float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append([])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.epochs[-1].append(self.training.batch_logs["loss"])


def still_model() -> cnnx.Sequential:
    """Return a model that does not learn, so that a batch's loss says which batch it was."""
    model = small_model()
    model.optimizer.learning_rate = 0.0
    return model


def shown(steps: int | None, epochs: int, shuffle: bool = False, **options: Any) -> Any:
    cnnx.utils.set_random_seed(5)
    seen = Shown()
    history = still_model().fit(
        *(X, Y, 6, epochs, 0, seen),
        **{"steps_per_epoch": steps, "shuffle": shuffle, **options},
    )
    return seen.epochs, history.history


def test_an_epoch_of_steps_goes_on_through_the_passes() -> None:
    ((*batches,), *_), _ = shown(None, 1)
    assert len(batches) == 4
    for steps in (1, 3, 4, 6, 9):
        epochs, _ = shown(steps, 3)
        assert [len(epoch) for epoch in epochs] == [steps] * 3
        flat = [loss for epoch in epochs for loss in epoch]
        assert flat == [batches[place % 4] for place in range(3 * steps)]


def test_passes_of_steps_are_shuffled_each_in_its_order() -> None:
    whole, _ = shown(None, 3, shuffle=True)
    parts, _ = shown(3, 4, shuffle=True)
    assert [x for epoch in parts for x in epoch] == [x for epoch in whole for x in epoch]
    assert whole[0] != whole[1]


def test_steps_of_judging_are_the_first_batches() -> None:
    model = still_model()
    first = model.evaluate(X[:12], Y[:12], batch_size=6, verbose=0)
    assert model.evaluate(X, Y, batch_size=6, steps=2, verbose=0) == first
    _, history = shown(None, 2, validation_data=(X, Y), validation_steps=2)
    assert history["val_loss"] == [first[0]] * 2
    _, history = shown(None, 2, validation_split=0.5, validation_steps=1, validation_batch_size=4)
    held = model.evaluate(X[10:14], Y[10:14], verbose=0)[0]
    assert history["val_loss"] == pytest.approx([held] * 2, rel=1e-6)
    found = model.predict(X, batch_size=6, steps=2, verbose=0)
    np.testing.assert_array_equal(found, model.predict(X[:12], batch_size=6, verbose=0))
    with pytest.warns(RuntimeWarning, match="evaluate: x ended after 4 of 9 batches"):
        assert model.evaluate(X, Y, batch_size=6, steps=9, verbose=0) == pytest.approx(
            model.evaluate(X, Y, batch_size=6, verbose=0)
        )


class Halted(cnnx.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.optimizer.iterations == 8:
            raise KeyboardInterrupt


@pytest.mark.parametrize("steps", [3, 5])
def test_an_epoch_of_steps_goes_on_after_a_break(tmp_path: Path, steps: int) -> None:
    def run(*callbacks: Any) -> Any:
        cnnx.utils.set_random_seed(6)
        model = small_model()
        options = {"epochs": 4, "steps_per_epoch": steps, "batch_size": 6, "verbose": 0}
        model.fit(X, Y, callbacks=list(callbacks), **options)
        return model.get_weights()

    expected = run()
    backup = cnnx.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        run(backup, Halted())
    backup = cnnx.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
    for one, other in zip(run(backup), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_generator_without_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(cnnx.callbacks.Callback):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 20:
                raise KeyboardInterrupt

    monkeypatch.setattr("cnnx.models.batches._MANY", 7)
    with (
        pytest.warns(RuntimeWarning, match=r"evaluate: x, a generator, has given 7 batches and"),
        pytest.raises(KeyboardInterrupt),
    ):
        small_model().evaluate(iter(Endless(X, Y)), verbose=0, callbacks=Stopped())


def test_negative_weights_are_those_of_keras() -> None:
    """Learn away from samples: the loss is a sum with signs, as the derivative is."""
    weights = np.where(np.arange(20) % 3, 1, -2).astype(np.float32)
    model = small_model()
    shares = model.predict(X, verbose=0)
    costs = -np.log(shares[np.arange(20), Y])
    loss = (costs * weights).mean()
    assert model.evaluate(X, Y, sample_weight=weights, verbose=0)[0] == pytest.approx(
        loss, rel=1e-5
    )
    of_class = model.fit(X, Y, class_weight={0: -1.0, 1: 2.0}, verbose=0).history["loss"][0]
    factors = np.choose(Y, [-1.0, 2.0, 1.0])
    assert of_class == pytest.approx((costs * factors).mean(), rel=1e-5)
    model = small_model()
    model.train_on_batch(X, Y, weights)
    slopes = (shares - np.eye(3)[Y]) * weights[:, None] / 20
    np.testing.assert_allclose(
        model.trainable_weights[0].gradient, X.T @ slopes, rtol=1e-4, atol=1e-6
    )


def pixels(loss: str) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential([Input((4, 5, 2)), cnnx.layers.Conv2D(3, 1, activation="softmax")])
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_weights_of_pixels(loss: str) -> None:
    """A pixel of weight 3 counts three times; classes have weights in the same way."""
    x, chance = normal(1, 6, 4, 5, 2), np.random.default_rng(2)
    labels = chance.integers(0, 3, (6, 4, 5))
    y = labels if loss.startswith("sparse") else np.eye(3)[labels]
    weights = chance.integers(0, 4, (6, 4, 5))
    probabilities = pixels(loss).predict(x, verbose=0)
    costs = -np.log(np.take_along_axis(probabilities, labels[..., None], 3)[..., 0])
    found = pixels(loss).evaluate(x, y, sample_weight=weights, verbose=0)
    assert found == pytest.approx((costs * weights).mean(), rel=1e-5)

    of_class = {0: 2.0, 2: 0.5}
    factors = np.choose(labels, [2.0, 1.0, 0.5])
    of_sample = np.arange(6.0)
    one, other = pixels(loss), pixels(loss)
    one.fit(x, y, class_weight=of_class, sample_weight=of_sample, shuffle=False, verbose=0)
    both = factors * of_sample[:, None, None]
    other.fit(Cut(x, y, both, size=32), verbose=0)
    for got, expected in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    with pytest.raises(ValueError, match=r"shape \(6,\), or one for each row .* \(6, 4, 5\), got"):
        one.fit(x, y, sample_weight=np.ones((6, 4)))


def test_class_weights_of_targets_with_several_classes_are_refused() -> None:
    model = cnnx.Sequential([Input((5,)), Dense(3, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match=r"class_weight needs one class .* some tell none or"):
        model.fit(X, np.eye(3)[Y] + np.eye(3)[0] * (Y > 0)[:, None], class_weight={0: 2.0})
