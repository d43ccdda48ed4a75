from __future__ import annotations

import csv
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

X, Y = normal(1, 10, 3), normal(2, 10, 1)


def linear_model(rate: float = 0.01) -> cnnx.Sequential:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1)])
    model.compile(optimizer=cnnx.optimizers.SGD(rate), loss="mse")
    return model


class Recorder(Callback):
    """Notes every call."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append("train begin")

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("train end")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch begin", epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch end", epoch, sorted(logs)))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("batch begin", batch))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("batch end", batch, sorted(logs)))


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


def test_early_stopping_restores_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    """A rate far too large makes every epoch worse than the first."""
    model = linear_model(rate=2.0)
    kept: list[Any] = []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    stopping = EarlyStopping("loss", 0, 2, 1, restore_best_weights=True)
    history = model.fit(X, Y, epochs=10, verbose=0, callbacks=[keep, stopping])
    assert len(history.epoch) == 3
    assert capsys.readouterr().out == "Epoch 3: loss no longer improves\n"
    for got, best in zip(model.get_weights(), kept[0], strict=True):
        np.testing.assert_array_equal(got, best)


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


def pretended(losses: list[float], **options: Any) -> tuple[EarlyStopping, list[int], Any]:
    """Return what watched epochs with these losses, their numbers, and the epoch of the weights."""
    model, weights = linear_model(), []

    class Pretended(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["loss"] = losses[epoch]
            weights.append(model.get_weights())

    stopping = EarlyStopping("loss", **options)
    history = model.fit(X, Y, epochs=len(losses), verbose=0, callbacks=[Pretended(), stopping])
    now = model.get_weights()
    return stopping, history.epoch, [all(map(np.array_equal, now, then)) for then in weights]


@pytest.mark.parametrize(
    ("losses", "options", "epochs", "kept"),
    [
        ([5, 4, 3, 3, 3], {"baseline": 1.0, "patience": 3}, 4, 2),
        ([5, 3, 4, 3, 3], {"baseline": 1.0, "patience": 4}, 4, 1),
        ([5, 0.5, 4, 3, 3], {"baseline": 1.0, "patience": 2}, 4, 1),
        ([5, 4, 3], {"baseline": 1.0, "patience": 1}, 3, 2),
        ([5, 4, 3], {"baseline": 1.0}, 3, 2),
        ([3, 3, 2], {}, 2, 0),
    ],
)
def test_a_baseline_that_is_not_met(
    losses: list[float], options: Any, epochs: int, kept: int
) -> None:
    """As in Keras, training does not stop in an epoch that is better than those before."""
    stopping, seen, same = pretended(losses, restore_best_weights=True, **options)
    assert len(seen) == epochs
    assert stopping.best_epoch == kept
    assert same[kept]


def test_early_stopping_forgets_an_earlier_fit() -> None:
    cnnx.utils.set_random_seed(1)
    model, stopping = linear_model(), EarlyStopping("loss", patience=1)
    for _ in range(2):
        assert len(model.fit(X, Y, epochs=3, verbose=0, callbacks=[stopping]).epoch) == 3
    model.compile(cnnx.optimizers.SGD(2.0), "mse")
    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=[stopping]).epoch) == 2


def test_callbacks_let_go_of_the_data_after_fit() -> None:
    recorder, model = Recorder(), linear_model()
    history = model.fit(X, Y, verbose=0, callbacks=[recorder])
    assert not hasattr(recorder, "training")
    assert not hasattr(history, "training")


# --- the learning rate ----------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [lambda epoch: 0.1 / 2**epoch, lambda epoch, rate: rate / 2])
def test_a_scheduler_sets_the_rate_before_each_epoch(schedule: Any) -> None:
    model = linear_model(0.2 if schedule.__code__.co_argcount == 2 else 0.0)
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[LearningRateScheduler(schedule)])
    assert history.history["learning_rate"] == pytest.approx([0.1, 0.05, 0.025])


def falling(epoch: int, base: float, share: float = 0.5) -> float:
    return base * share**epoch


@pytest.mark.parametrize(
    "schedule",
    [
        functools.partial(falling, base=2.0),
        lambda epoch, base=2.0: falling(epoch, base),
        lambda epoch, *, base=2.0: falling(epoch, base),
        lambda epoch, **options: falling(epoch, 2.0, **options),
        lambda epoch, *rest: falling(epoch, 2.0, *rest),
    ],
)
def test_what_a_schedule_takes_besides_the_epoch_stays_its_own(schedule: Any) -> None:
    watch = LearningRateScheduler(schedule)
    history = linear_model().fit(X, Y, epochs=3, verbose=0, callbacks=[watch]).history
    assert history["learning_rate"] == [2.0, 1.0, 0.5]


@pytest.mark.parametrize(
    "callback", [LearningRateScheduler(lambda epoch, rate: rate), ReduceLROnPlateau("loss")]
)
def test_a_schedule_of_the_optimizer_is_not_replaced(callback: Callback) -> None:
    model = linear_model()
    rate = cnnx.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(cnnx.optimizers.SGD(rate), "mse")
    with pytest.raises(ValueError, match=r"the learning rate follows CosineDecay already; give"):
        model.fit(X, Y, verbose=0, callbacks=[callback])


@pytest.mark.parametrize(
    ("name", "rises"),
    [
        ("val_accuracy", True),
        ("val_auc", True),
        ("AUC", True),
        ("f1_score", True),
        ("precision", True),
        ("recall", True),
        ("mean_iou", True),
        ("loss", False),
        ("val_mean_squared_error", False),
        ("mine", False),
    ],
)
def test_auto_knows_figures_that_should_rise(name: str, rises: bool) -> None:
    class Given(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs[name] = 0.5 + epoch / 10

    stopping = EarlyStopping(name, patience=9)
    linear_model().fit(X, Y, epochs=3, verbose=0, callbacks=[Given(), stopping])
    assert stopping.best_epoch == (2 if rises else 0)


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="LearningRateScheduler: the learning rate must be a num"):
        linear_model().fit(X, Y, callbacks=LearningRateScheduler(lambda epoch: None))


def rates_on_a_plateau(losses: list[float], **options: Any) -> list[float]:
    """Return the rates of epochs with these losses."""
    model = linear_model(1.0)

    class Pretended(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["loss"] = losses[epoch]

    lower = ReduceLROnPlateau("loss", factor=0.5, **options)
    history = model.fit(X, Y, epochs=len(losses), verbose=0, callbacks=[Pretended(), lower])
    return history.history["learning_rate"]


@pytest.mark.filterwarnings("ignore:fit. the loss")
@pytest.mark.parametrize(
    ("losses", "options", "rates"),
    [
        ([3, 2, 2, 2, 2, 2], {"patience": 2}, [1, 1, 1, 1, 0.5, 0.5]),
        ([3, 2, 2, 1, 1, 1], {"patience": 2}, [1, 1, 1, 1, 1, 1]),
        ([2] * 6, {"patience": 1, "cooldown": 1}, [1, 1, 0.5, 0.25, 0.125, 0.0625]),  # as in Keras
        ([2] * 6, {"patience": 1, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ([2, 2, 1, 2, 2, 2], {"patience": 1, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ([2, 2, 2, 2, 2], {"patience": 1, "min_lr": 0.4}, [1, 1, 0.5, 0.4, 0.4]),
        ([2, 1.5, 1.4, 1.3], {"patience": 1, "min_delta": 0.2}, [1, 1, 1, 0.5]),
        ([1, 2, 3, 3], {"patience": 1, "mode": "max"}, [1, 1, 1, 1]),
    ],
)
def test_the_rate_falls_on_a_plateau(losses: Any, options: Any, rates: Any) -> None:
    assert rates_on_a_plateau(losses, **options) == rates


# --- files ----------------------------------------------------------------------------------------


def test_csv_logger_writes_a_line_an_epoch(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    history = linear_model().fit(X, Y, epochs=2, verbose=0, callbacks=CSVLogger(file)).history
    lines = ["epoch,loss", *(f"{i},{loss!r}" for i, loss in enumerate(history["loss"]))]
    assert file.read_text().splitlines() == lines
    options = {"initial_epoch": 2, "epochs": 3, "verbose": 0}
    linear_model().fit(X, Y, callbacks=CSVLogger(file, append=True), **options)
    kept = file.read_text().splitlines()
    assert kept[:3] == lines
    assert kept[3].startswith("2,")
    linear_model().fit(X, Y, callbacks=CSVLogger(file, ";"), **options)
    assert file.read_text().startswith("epoch;loss\n2;")


class Sometimes(Callback):
    """A figure of the second epoch alone."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            logs["extra"] = -1.0


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_logger_keeps_each_figure_in_its_column(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    linear_model().fit(X, Y, epochs=3, verbose=0, callbacks=[Sometimes(), CSVLogger(file)])
    assert [list(row) for row in table(file)] == [["epoch", "loss", "extra"]] * 3
    assert [row["extra"] for row in table(file)] == ["", "-1.0", ""]
    options = {"verbose": 0, "validation_split": 0.5, "callbacks": CSVLogger(file, append=True)}
    history = linear_model().fit(X, Y, **options).history
    last = table(file)[3]
    assert len(table(file)) == 4
    assert last == {
        "epoch": "0",
        "loss": repr(history["loss"][0]),
        "extra": "",
        "val_loss": repr(history["val_loss"][0]),
    }


def test_csv_logger_loses_no_line_when_training_is_taken_up(tmp_path: Path) -> None:
    class Broken(Exception):  # noqa: N818
        pass

    def end(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise Broken

    def callbacks(*others: Callback) -> list[Callback]:
        logger = CSVLogger(tmp_path / "log.csv")
        return [logger, BackupAndRestore(tmp_path / "backup"), *others]

    options: Any = {"epochs": 5, "verbose": 0, "shuffle": False}
    with pytest.raises(Broken):
        linear_model().fit(X, Y, **options, callbacks=callbacks(LambdaCallback(on_epoch_end=end)))
    history = linear_model().fit(X, Y, **options, callbacks=callbacks()).history
    assert [row["loss"] for row in table(tmp_path / "log.csv")] == list(map(repr, history["loss"]))


def saved(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("pattern", "options", "files"),
    [
        ("model", {}, ["model"]),
        ("a/b/{epoch:02d}", {}, ["a/b/01", "a/b/02", "a/b/03"]),
        ("{epoch}-{batch:02d}", {"save_freq": 4}, ["1-04", "2-03", "3-02"]),
        ("{epoch}", {"save_freq": 100}, []),
    ],
)
def test_model_checkpoint_names_its_files(
    tmp_path: Path, pattern: str, options: Any, files: list[str]
) -> None:
    model = linear_model()
    model.fit(X, Y, 2, 3, 0, callbacks=ModelCheckpoint(tmp_path / pattern, **options))
    assert saved(tmp_path) == files
    if pattern == "model":
        loaded = cnnx.models.load_model(tmp_path / "model")
        assert loaded.train_on_batch(X, Y) == model.train_on_batch(X, Y)


def test_figures_stand_in_a_name(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(f"{tmp_path}/{{epoch:02d}}-{{val_loss:.2f}}")
    history = linear_model().fit(
        X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=checkpoint
    )
    losses = history.history["val_loss"]
    assert saved(tmp_path) == [f"{epoch:02d}-{loss:.2f}" for epoch, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("mode", "threshold", "files"),
    [("min", None, ["1"]), ("max", None, ["1", "2", "3"]), ("min", 1e-9, []), ("max", 1e9, ["3"])],
)
def test_only_the_best(tmp_path: Path, mode: str, threshold: Any, files: list[str]) -> None:
    """A rate far too large makes every epoch worse than the first."""
    model = linear_model(1e3)
    checkpoint = ModelCheckpoint(
        tmp_path / "{epoch}", "loss", 0, True, mode=mode, initial_value_threshold=threshold
    )
    losses = model.fit(X, Y, epochs=3, verbose=0, callbacks=checkpoint).history["loss"]
    assert 1e-9 < losses[0] < losses[1] < 1e9 < losses[2]
    assert saved(tmp_path) == files
    assert checkpoint.best == {"1": losses[0], "3": losses[2]}.get("".join(files)[-1:], threshold)


def test_weights_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, model = tmp_path / "weights", linear_model()
    model.fit(X, Y, verbose=0, callbacks=ModelCheckpoint(file, verbose=1, save_weights_only=True))
    assert capsys.readouterr().out == f"Epoch 1: saved {file}\n"
    other = linear_model()
    other.load_weights(file)
    for one, expected in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, expected)
    wider = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"weights: .* needs kernel \(3, 2\), .* kernel \(3, 1\)"):
        wider.load_weights(file)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{val_loss}", "KeyError 'val_loss'.*can stand in it: epoch, loss"),
        ("{epoch:.2x}", "ValueError"),
        ("{}", "IndexError"),
        ("{epoch", "ValueError expected '}'"),
        ("{loss.name}", "AttributeError"),
        ("{batch}", "KeyError 'batch'"),
    ],
)
def test_a_wrong_pattern_is_named(tmp_path: Path, pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as failure:
        linear_model().fit(X, Y, verbose=0, callbacks=ModelCheckpoint(tmp_path / pattern))
    assert pattern in str(failure.value)
    assert saved(tmp_path) == []


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


def test_val_figures_are_not_there_after_a_batch(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "model", save_best_only=True, save_freq=1)
    with pytest.raises(ValueError, match=r"'val_loss' is not among loss; .* after each epoch"):
        linear_model().fit(X, Y, verbose=0, callbacks=checkpoint, validation_data=(X, Y))


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
