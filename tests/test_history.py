"""The history of a training: by epoch, by batch on request, in pictures and in files."""

from __future__ import annotations

import gc
import pickle
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import saved_history
from cnnx.callbacks import BackupAndRestore, Callback, History, LearningRateScheduler
from cnnx.models import load_model

pytestmark = pytest.mark.one_isa

X, Y = normal(1, 10, 3), normal(2, 10, 1)


def linear_model() -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1)])
    model.compile(cnnx.optimizers.SGD(0.05), "mse", ["mae"])
    return model


def train(model: cnnx.Sequential, *callbacks: Callback, epochs: int = 2, **options: Any) -> History:
    return model.fit(
        X, Y, 4, epochs, 0, list(callbacks), shuffle=False, validation_data=(X, Y), **options
    )


def test_figures_of_every_batch_are_those_before_its_step() -> None:
    model, by_hand = linear_model(), linear_model()
    history = History(per_batch=True)
    assert train(model, history) is history is model.history
    expected = [
        by_hand.train_on_batch(X[start : start + 4], Y[start : start + 4])
        for start in (0, 4, 8, 0, 4, 8)
    ]
    found = [history.batches["loss"], history.batches["mae"]]
    np.testing.assert_array_equal(np.transpose(found), expected)
    weights = np.array([4, 4, 2])  # samples
    losses = np.reshape(history.batches["loss"], (2, 3))
    np.testing.assert_allclose(history.history["loss"], losses @ weights / 10)


def test_batches_are_noted_on_request_alone() -> None:
    history = train(linear_model())
    assert history.batches == {}
    assert sorted(history.history) == sorted(["loss", "mae", "val_loss", "val_mae"])


def test_a_history_among_callbacks_sees_what_others_add() -> None:
    history = train(
        linear_model(), History(), LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    )
    assert history.history["learning_rate"] == pytest.approx([0.1, 0.05])


def test_a_history_goes_on_in_the_next_fit() -> None:
    model, history = linear_model(), History(per_batch=True)
    train(model, history)
    train(model, history, epochs=3, initial_epoch=2)
    assert history.epoch == [0, 1, 2]
    assert len(history.batches["loss"]) == 9


def test_a_history_does_not_hold_its_model() -> None:
    model = linear_model()
    history = train(model)
    assert history.model is model
    copied = pickle.loads(pickle.dumps(history))
    assert copied.history == history.history
    gone = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()
    for left in (history, copied):
        with pytest.raises(AttributeError, match="the model is gone"):
            left.model  # noqa: B018


class StopAt(Callback):
    def __init__(self, batch: int) -> None:
        self.left = batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("batch", [2, 3, 5])
def test_a_training_that_is_resumed_has_the_batches_of_one_that_is_not(
    tmp_path: Path, batch: int
) -> None:
    unbroken = train(linear_model(), History(per_batch=True))
    with pytest.raises(KeyboardInterrupt):
        train(linear_model(), History(per_batch=True), BackupAndRestore(tmp_path, 1), StopAt(batch))
    again = train(linear_model(), History(per_batch=True), BackupAndRestore(tmp_path, 1))
    assert again.batches == unbroken.batches
    assert again.history == unbroken.history


@pytest.mark.parametrize("per_batch", [False, True])
def test_a_saved_model_has_its_history(tmp_path: Path, per_batch: bool) -> None:
    model = linear_model()
    history = train(model, History(per_batch))
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model").history
    assert loaded is not None
    assert (loaded.epoch, loaded.history, loaded.batches, loaded.per_batch) == (
        history.epoch,
        history.history,
        history.batches,
        per_batch,
    )
    assert all(type(value) is float for value in loaded.history["loss"])
    load_model(tmp_path / "model").save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_figures_that_are_not_finite_or_no_numbers_do_not_stop_saving(tmp_path: Path) -> None:
    class Notes(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs |= {"note": "a text", "a/b": np.nan, "model.epochs": epoch}

    model = linear_model()
    train(model, Notes())
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model").history
    assert loaded is not None
    assert "note" not in loaded.history
    assert np.isnan(loaded.history["a/b"]).all()
    assert loaded.history["model.epochs"] == [0, 1]


def test_a_model_that_was_not_trained_has_no_history(tmp_path: Path) -> None:
    linear_model().save(tmp_path / "model")
    assert load_model(tmp_path / "model").history is None


def test_a_history_too_long_to_be_read_is_left_out_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = linear_model()
    train(model)
    model.save(tmp_path / "long")
    monkeypatch.setattr(saved_history, "MAX_FIGURES", 9)
    with pytest.warns(UserWarning, match="saved without its history, whose 10 figures") as caught:
        model.save(tmp_path / "model")
    assert caught[0].filename == __file__
    assert load_model(tmp_path / "model").history is None
    with pytest.raises(ValueError, match=r"history.figures.3 is F64 of shape \(2,\)"):
        load_model(tmp_path / "long")


def test_batches_are_drawn_below_the_epochs() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot")
    history = train(linear_model(), History(per_batch=True), epochs=40)
    top, bottom = np.reshape(np.array(history.plot().axes, object), (2, 2))
    assert [axes.get_ylabel() for axes in top] == ["loss", "mae"]
    batch, mean = bottom[0].get_lines()
    np.testing.assert_array_equal(batch.get_ydata(), history.batches["loss"])
    np.testing.assert_allclose(mean.get_ydata()[0], np.mean(history.batches["loss"][:2]))
    assert mean.get_xdata()[0] == 2
    assert mean.get_xdata()[-1] == 120


def test_a_single_epoch_has_a_single_tick() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot")
    axes = train(linear_model(), epochs=1).plot().axes[0]
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]
