"""When callbacks are called, and with what."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from cnnx.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from linear_training import Recorder, X, Y, linear_model

pytestmark = pytest.mark.one_isa


def test_order_of_the_calls() -> None:
    recorder, model = Recorder(), linear_model()
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=[recorder], validation_data=(X, Y))
    epoch = [("batch begin", 0), ("batch end", 0, ["loss"])]
    epoch += [("batch begin", 1), ("batch end", 1, ["loss"])]
    assert recorder.calls == [
        "train begin",
        *[
            call
            for i in range(2)
            for call in (
                ("epoch begin", i),
                *epoch,
                ("epoch end", i, ["loss", "val_loss"]),
            )
        ],
        "train end",
    ]
    assert recorder.model is model
    assert recorder.params["epochs"] == 2


def test_an_exception_in_a_callback_comes_out_unchanged() -> None:
    class Trouble(Exception):  # noqa: N818
        pass

    def fail(*_: Any) -> None:
        raise Trouble("mine")

    model = linear_model()
    with pytest.raises(Trouble, match="mine"):
        model.fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=fail)])
    model.fit(X, Y, verbose=0)


def test_a_callback_can_stop_training() -> None:
    model = linear_model()

    def stop(epoch: int, logs: Any) -> None:
        model.stop_training = epoch == 2

    history = model.fit(X, Y, epochs=10, verbose=0, callbacks=[LambdaCallback(on_epoch_end=stop)])
    assert list(history.epoch) == [0, 1, 2]


def test_a_loss_of_nan_warns_once_and_names_epoch_and_batch() -> None:
    model = linear_model()
    with pytest.warns(RuntimeWarning, match=r"loss is nan in epoch 1, batch 1") as record:
        model.fit(np.full((10, 3), np.nan), Y, batch_size=5, epochs=2, verbose=0)
    assert len(record) == 1


def test_terminate_on_nan_ends_after_the_batch_and_judges_the_epoch() -> None:
    recorder, model = Recorder(), linear_model(1e30)
    with pytest.warns(RuntimeWarning, match="epoch 1, batch 2"):
        history = model.fit(
            X, Y, 2, 5, 0, callbacks=[recorder, TerminateOnNaN()], validation_data=(X, Y)
        ).history
    assert recorder.calls[-2:] == [("epoch end", 0, ["loss", "val_loss"]), "train end"]
    assert sum(call[0] == "batch end" for call in recorder.calls) < 5
    assert len(history["loss"]) == 1
    assert not np.isfinite(history["loss"][0])


def test_without_it_training_goes_on() -> None:
    with pytest.warns(RuntimeWarning, match="loss is (inf|nan) in epoch 1, batch 2") as record:
        history = linear_model(1e30).fit(X, Y, 2, 5, 0).history
    assert len(record) == 1
    assert record[0].filename == __file__
    assert len(history["loss"]) == 5


def test_callbacks_let_go_of_the_data_after_fit() -> None:
    recorder, model = Recorder(), linear_model()
    history = model.fit(X, Y, verbose=0, callbacks=[recorder])
    assert not hasattr(recorder, "training")
    assert not hasattr(history, "training")


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(),
        ReduceLROnPlateau(),
        ModelCheckpoint("model", save_best_only=True),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_an_unknown_monitor_is_named(callback: Callback) -> None:
    """Before the first epoch, not after it."""
    message = f"{type(callback).__name__}: monitor 'val_loss' is not among loss.*validation data"
    recorder, model = Recorder(), linear_model()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, verbose=0, callbacks=[callback, recorder])
    assert recorder.calls == []
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_figure_that_another_callback_adds_may_be_watched() -> None:
    def add(epoch: int, logs: Any) -> None:
        logs["own"] = -epoch

    for watched, other in (
        ("own", LambdaCallback(on_epoch_end=add)),
        ("learning_rate", LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))),
    ):
        stopping = EarlyStopping(watched, mode="max", patience=1)
        history = linear_model().fit(X, Y, epochs=9, verbose=0, callbacks=[other, stopping])
        assert history.epoch == [0, 1]
    with pytest.raises(ValueError, match="monitor 'learning_rate' is not among loss"):
        linear_model().fit(X, Y, verbose=0, callbacks=EarlyStopping("learning_rate"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelCheckpoint("model", mode="best"), "ModelCheckpoint: mode .* got 'best'"),
        (lambda: ModelCheckpoint("model", save_freq=-1), "ModelCheckpoint: save_freq .* got -1"),
        (lambda: EarlyStopping(mode=1), "EarlyStopping: mode .* got 1"),
        (lambda: ReduceLROnPlateau(factor=1.0), "ReduceLROnPlateau: factor must be"),
    ],
)
def test_wrong_arguments_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


class Hooks(Callback):
    """Notes every call of Keras' other hooks, with the figures that it is given."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        for name in dir(Callback):
            if name.startswith(("on_", "set_")) and name not in ("set_state", "on_train_begin"):
                setattr(self, name, functools.partial(self._note, name.removeprefix("on_")))

    def _note(self, name: str, *rest: Any) -> None:
        *numbers, last = rest
        self.calls.append((name, *numbers, sorted(last) if isinstance(last, dict) else last))


def test_keras_hooks_run_in_fit_evaluate_and_predict() -> None:
    hooks, model = Hooks(), linear_model()
    figures, steps = ["loss"], ["epochs", "steps", "verbose"]

    def batches(kind: str, end: list[str]) -> list[Any]:
        return [
            call
            for i in range(2)
            for call in ((f"{kind}_batch_begin", i, []), (f"{kind}_batch_end", i, end))
        ]

    tested = [("test_begin", []), *batches("test", figures), ("test_end", figures)]
    model.fit(X, Y, batch_size=5, verbose=0, callbacks=hooks, validation_data=(X, Y))
    assert hooks.calls == [
        ("set_model", model),
        ("set_params", steps),
        ("epoch_begin", 0, []),
        *batches("train", figures),
        *tested,
        ("epoch_end", 0, ["loss", "val_loss"]),
        ("train_end", ["loss", "val_loss"]),
    ]
    for run, expected in (
        (lambda: model.evaluate(X, Y, 5, verbose=0, callbacks=[hooks]), tested),
        (
            lambda: model.predict(X, 5, verbose=0, callbacks=[hooks]),
            [("predict_begin", []), *batches("predict", ["outputs"]), ("predict_end", [])],
        ),
    ):
        hooks.calls.clear()
        run()
        assert hooks.calls == [
            ("set_model", model),
            ("set_params", ["steps", "verbose"]),
            *expected,
        ]


def test_on_batch_is_another_name_of_on_train_batch() -> None:
    class Short(Callback):
        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append((batch, logs))

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append((batch, sorted(logs)))

    seen: list[Any] = []
    linear_model().fit(X, Y, batch_size=5, verbose=0, callbacks=Short())
    assert seen == [(0, {}), (0, ["loss"]), (1, {}), (1, ["loss"])]


def test_outputs_of_each_batch_are_handed_to_callbacks() -> None:
    model, seen = linear_model(), []
    watch = LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append(logs["outputs"]))
    found = model.predict(X, 4, verbose=0, callbacks=watch)
    np.testing.assert_array_equal(np.concatenate(seen), found)
    with pytest.raises(TypeError, match="LambdaCallback: callbacks have no method 'on_fit_begin'"):
        LambdaCallback(on_fit_begin=print)


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_what_is_no_callback_is_refused(call: str) -> None:
    arguments = (X,) if call == "predict" else (X, Y)
    with pytest.raises(TypeError, match=rf"{call}: callbacks must be objects of .*Callback, got 3"):
        getattr(linear_model(), call)(*arguments, verbose=0, callbacks=[Recorder(), 3])
