"""Training that breaks off and starts again ends with the bits of a run that did not."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers
from cnnx.callbacks import (
    BackupAndRestore,
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from cnnx.data import image_folder
from cnnx.optimizers import SGD, Adam, Nadam
from cnnx.optimizers.schedules import CosineDecay
from cnnx.snapshot import restoring, save_snapshot

pytestmark = pytest.mark.one_isa

X, Y = normal(1, 50, 8, 8, 1), np.arange(50) % 3
STEPS, EPOCHS = 5, 4  # 40 samples to train on, in batches of 8


def network(optimizer: Any = None, units: int = 3) -> cnnx.Sequential:
    """Return a network with every kind of random state."""
    cnnx.utils.set_random_seed(3)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.RandomFlip(),
            layers.RandomTranslation(0.1, 0.1, seed=4),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.GaussianDropout(0.2, seed=5),
            layers.Dense(units, activation="softmax"),
        ]
    )
    rate = CosineDecay(0.01, STEPS * EPOCHS)
    model.compile(optimizer or Adam(rate), "sparse_categorical_crossentropy", ["accuracy"])
    return model


def fit(model: cnnx.Sequential, *callbacks: Callback, epochs: int = EPOCHS, **options: Any) -> Any:
    options = {"batch_size": 8, "validation_split": 0.2, "verbose": 0, **options}
    return model.fit(X, Y, epochs=epochs, callbacks=callbacks, **options).history


class Broken(Exception):  # noqa: N818
    pass


def breaking_at(step: int) -> Callback:
    """Return a callback that ends `fit` after so many batches."""
    batches = iter(range(1, 1000))

    def count(*_: Any) -> None:
        if next(batches) == step:
            raise Broken

    return LambdaCallback(on_train_batch_end=count)


def break_at(step: int, model: cnnx.Sequential, *callbacks: Callback, **options: Any) -> None:
    with pytest.raises(Broken):
        fit(model, *callbacks, breaking_at(step), **options)


def assert_same(one: cnnx.Sequential, other: cnnx.Sequential) -> None:
    for got, expected in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    states = (model.compiled_optimizer.get_state() for model in (one, other))
    for (name, got), expected in zip(next(states).items(), next(states).values(), strict=True):
        np.testing.assert_array_equal(got, expected, name)


# --- in one process -------------------------------------------------------------------------------


@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
@pytest.mark.parametrize("step", [1, 4, 5, 6, 13, 20])
def test_broken_anywhere_training_goes_on_to_the_same_bits(
    tmp_path: Path, save_freq: Any, step: int
) -> None:
    unbroken = network()
    history = fit(unbroken)
    last = cnnx.random.get_state()
    break_at(step, network(), BackupAndRestore(tmp_path, save_freq))
    again = network()
    assert fit(again, BackupAndRestore(tmp_path, save_freq)) == history
    assert_same(again, unbroken)
    assert cnnx.random.get_state() == last


def test_what_other_callbacks_remember_is_kept(tmp_path: Path) -> None:
    def callbacks() -> list[Callback]:
        return [
            EarlyStopping("val_loss", 0.3, patience=3, restore_best_weights=True),
            ReduceLROnPlateau("loss", patience=1, min_delta=0.02),
            LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        ]

    unbroken = network(Nadam(0.05))
    history = fit(unbroken, *callbacks(), epochs=9)
    assert len(set(history["learning_rate"])) > 3
    assert len(history["loss"]) < 9, "it should have stopped early"
    for step in (7, 10, 13, 18):
        break_at(step, network(Nadam(0.05)), BackupAndRestore(tmp_path, 2), *callbacks(), epochs=9)
        again = network(Nadam(0.05))
        assert fit(again, BackupAndRestore(tmp_path, 2), *callbacks(), epochs=9) == history
        assert_same(again, unbroken)


class Confused(cnnx.metrics.Metric):
    """The least share of right answers of any class so far: a state of arrays."""

    def reset_state(self) -> None:
        self.counts = np.zeros((2, 3))
        self.seen: dict[int, tuple[int, ...]] = {}

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        self.seen[len(self.seen)] = y_pred.shape
        np.add.at(self.counts[0], y_true, y_pred.argmax(1) == y_true)
        np.add.at(self.counts[1], y_true, 1)

    def result(self) -> float:
        return float((self.counts[0] / np.maximum(self.counts[1], 1)).min()) + len(self.seen)


def correlation(y_true: Any, y_pred: Any) -> float:
    """Return a figure that is no mean over samples."""
    return float(np.corrcoef(y_true, y_pred.argmax(1) + y_pred.max(1))[0, 1])


@pytest.mark.parametrize("step", [1, 3, 5, 8])
def test_a_metric_goes_on_within_the_epoch(tmp_path: Path, step: int) -> None:
    def model() -> cnnx.Sequential:
        made = network()
        figures = [Confused(), correlation, "acc"]
        made.compile(Adam(0.01), "sparse_categorical_crossentropy", figures)
        return made

    history = fit(model())
    break_at(step, model(), BackupAndRestore(tmp_path, 1))
    assert fit(model(), BackupAndRestore(tmp_path, 1)) == history


def test_the_state_of_a_callback_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {
        "best of class": {0: 0.5, 1: 0.25},
        "pairs": {(1, "a"): None, (2, "b"): [True, (3, 4.5)]},
        "number": np.float32(0.1),
        "whole": np.int64(2**60),
        "marked": {"tensor": "x"},
        "again": {"items": {"tuple": [1]}},
        "array": np.arange(6, dtype=np.int16).reshape(2, 3),
        "": {},
    }
    got: list[dict[str, Any]] = []

    class Keeper(Callback):
        def get_state(self) -> dict[str, Any]:
            return state

        def set_state(self, state: dict[str, Any]) -> None:
            got.append(state)

    break_at(2, network(), Keeper(), BackupAndRestore(tmp_path, 1))
    fit(network(), Keeper(), BackupAndRestore(tmp_path))
    assert repr(got) == repr([state])
    assert [type(value) for value in got[0].values()] == [type(value) for value in state.values()]


def test_training_that_was_stopped_early_is_not_taken_up(tmp_path: Path) -> None:
    def stop(model: cnnx.Sequential) -> Callback:
        def at_2(epoch: int, logs: Any) -> None:
            model.stop_training = epoch == 2

        return LambdaCallback(on_epoch_end=at_2)

    def backup() -> Callback:
        return BackupAndRestore(tmp_path, delete_checkpoint=False)

    first = network()
    history = fit(first, stop(first), backup(), epochs=9)
    second = network()
    assert fit(second, stop(second), backup(), epochs=9) == history
    assert_same(first, second)


def test_more_epochs_may_be_asked_for_later(tmp_path: Path) -> None:
    unbroken = network(SGD(0.1, momentum=0.5))
    history = fit(unbroken, epochs=6)
    backup = BackupAndRestore(tmp_path, delete_checkpoint=False)
    fit(network(SGD(0.1, momentum=0.5)), backup, epochs=2)
    again = network(SGD(0.1, momentum=0.5))
    assert fit(again, BackupAndRestore(tmp_path), epochs=6) == history
    assert_same(again, unbroken)


def test_the_backup_is_removed_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "backup"
    fit(network(), BackupAndRestore(folder))
    assert not folder.exists()
    fit(network(), BackupAndRestore(folder, delete_checkpoint=False))
    assert [file.name for file in folder.iterdir()] == ["backup.safetensors"]
    (folder / "mine").write_text("notes")
    fit(network(), BackupAndRestore(folder))
    assert [file.name for file in folder.iterdir()] == ["mine"]


def test_the_backup_holds_weights_for_load_weights_and_is_no_model(tmp_path: Path) -> None:
    model, other = network(), network()
    fit(model, BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=1)
    other.load_weights(tmp_path / "backup.safetensors")
    for got, expected in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    with pytest.raises(ValueError, match="it holds weights or a backup"):
        cnnx.models.load_model(tmp_path / "backup.safetensors")


def test_going_on_is_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    break_at(13, network(), BackupAndRestore(tmp_path, 3))
    capsys.readouterr()
    fit(network(), BackupAndRestore(tmp_path, 3), verbose=2)
    assert "Going on after 2 batches of epoch 3, from" in capsys.readouterr().out


# --- streams --------------------------------------------------------------------------------------


class Drawn:
    """A stream whose order NumPy's global generator draws."""

    def __len__(self) -> int:
        return STEPS

    def __iter__(self) -> Iterator[Any]:
        for part in np.array_split(np.random.permutation(len(X)), STEPS):
            yield X[part], Y[part]


def pictures(folder: Path) -> Callable[[], Any]:
    """Return a function that opens a folder of pictures, one of them unreadable, as a stream."""
    image = pytest.importorskip("PIL.Image")
    for index, picture in enumerate(X[:24, ..., 0]):
        path = folder / f"class {index % 3}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray((picture * 40 + 128).clip(0, 255).astype(np.uint8)).save(path)
    (folder / "class 0" / "0.png").write_bytes(b"no picture")
    return lambda: image_folder(folder, (8, 8), "grayscale", batch_size=5, seed=1).train


@pytest.mark.filterwarnings("ignore:.*left out", "ignore:the pixels that reach")
@pytest.mark.parametrize("kind", ["drawn", "pictures"])
@pytest.mark.parametrize("step", [3, 5, 7, 12])
def test_streams_go_on_where_they_stood(tmp_path: Path, kind: str, step: int) -> None:
    stream = Drawn if kind == "drawn" else pictures(tmp_path / "pictures")

    def train(model: cnnx.Sequential, *callbacks: Callback) -> Any:
        return model.fit(stream(), epochs=EPOCHS, callbacks=callbacks, verbose=0).history

    unbroken = network()
    history = train(unbroken)
    with pytest.raises(Broken):
        train(network(), BackupAndRestore(tmp_path / "backup", 2), breaking_at(step))
    again = network()
    assert train(again, BackupAndRestore(tmp_path / "backup", 2)) == history
    assert_same(again, unbroken)


# --- faults ---------------------------------------------------------------------------------------


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Return the folder of a backup after 7 batches."""
    break_at(8, network(), BackupAndRestore(tmp_path, 7))
    return tmp_path


def frozen() -> cnnx.Sequential:
    model = network()
    model.layers[2].trainable = False
    return model


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (lambda: network(units=4), {}, r"another model: it has Dense\{.*'units': 3.*'units': 4"),
        (frozen, {}, "another model: it has Conv2D.*'trainable': True.*'trainable': False"),
        (lambda: network("sgd"), {}, "another model: it has Adam.*SGD"),
        (lambda: network(Adam(beta_1=0.5)), {}, "another model: it has Adam"),
        (network, {"batch_size": 20}, "other data: .*'batches': 5.*'batches': 2"),
        (network, {"validation_split": 0.0}, "other data: .*'samples': 40.*'samples': 50"),
    ],
    ids=["units", "frozen", "optimizer", "beta_1", "batch size", "samples"],
)
def test_a_backup_of_something_else_is_refused(
    backup: Path, model: Callable[[], cnnx.Sequential], options: Any, message: str
) -> None:
    built = model()
    before = built.get_weights()
    with pytest.raises(ValueError, match=message) as failure:
        fit(built, BackupAndRestore(backup), **options)
    assert str(backup / "backup.safetensors") in str(failure.value)
    assert "Delete it to start again" in str(failure.value)
    for one, other in zip(built.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_damaged_backup_is_refused(backup: Path) -> None:
    file = backup / "backup.safetensors"
    content = file.read_bytes()
    network().save(backup / "model")
    for damaged in (
        b"",
        content[:-1],
        content[: len(content) // 2],
        (backup / "model").read_bytes(),
    ):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"cannot be restored: .*Delete it to start again"):
            fit(network(), BackupAndRestore(backup))


def damaged(state: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """Return a copy of nested dicts and lists in which one item is another, or gone (None)."""
    key, *rest = path
    copy = dict(state) if isinstance(state, dict) else list(state)
    new = damaged(state[key], tuple(rest), change) if rest else change(state[key])
    if new is GONE:
        del copy[key]
    else:
        copy[key] = new
    return copy


GONE = object()
DAMAGES: list[Callable[[Any], Any]] = [
    lambda _: GONE,
    lambda _: "nonsense",
    lambda _: None,
    lambda _: {},
    lambda _: 10**400,
]


@pytest.mark.parametrize("damage", range(len(DAMAGES)))
@pytest.mark.parametrize(
    "path",
    [
        *[(name,) for name in ("model", "data", "weights", "optimizer", "epoch", "step", "mean")],
        *[(name,) for name in ("metrics", "random", "callbacks", "stop_training")],
        ("optimizer", "iterations"),
        ("optimizer", "m"),
        ("mean", "sums"),
        ("mean", "count"),
        ("random", "global"),
        ("random", "global", "cnnx", "state"),
        ("random", "global", "numpy", "state", "key"),
        ("random", "global", "python"),
        ("random", "layers"),
        ("callbacks", "EarlyStopping 0"),
        ("callbacks", "EarlyStopping 0", "waited"),
        ("callbacks", "History 0", "history"),
    ],
    ids=str,
)
def test_a_backup_damaged_within_changes_nothing(
    tmp_path: Path, path: tuple[Any, ...], damage: int
) -> None:
    """One clear error, whatever is wrong; weights, generators and the optimizer stay."""
    file = tmp_path / "backup.safetensors"
    break_at(8, network(), EarlyStopping("loss", patience=50), BackupAndRestore(tmp_path, 7))
    with restoring(file, "", trusted=True) as state:
        whole = state
    broken = damaged(whole, path, DAMAGES[damage])
    theirs = path[-1] in ("waited", "history") and damage  # the callbacks' to judge
    none = path == ("callbacks",) and DAMAGES[damage](0) == {}
    if theirs or none or (path[0] == "callbacks" and DAMAGES[damage](0) is GONE and len(path) == 2):
        return  # one that was not there before may be added
    save_snapshot(file, broken, trusted=True)
    fresh = network()
    before, drawn = fresh.get_weights(), cnnx.random.get_state()
    with pytest.raises(ValueError, match=r"cannot be restored: .+Delete it to start again"):
        fit(fresh, EarlyStopping("loss", patience=50), BackupAndRestore(tmp_path))
    for one, other in zip(fresh.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert cnnx.random.get_state() == drawn
    assert fresh.optimizer is not None
    assert fresh.optimizer.iterations == 0


@contextmanager
def disk_full() -> Iterator[None]:
    """Let no file grow beyond 1,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_raises_and_keeps_the_backup_before(backup: Path) -> None:
    file = backup / "backup.safetensors"
    before = file.read_bytes()
    with disk_full(), pytest.raises(OSError, match="too large"):
        fit(network(), BackupAndRestore(backup))
    assert file.read_bytes() == before
    assert list(backup.iterdir()) == [file]
    again = network()
    history = fit(again, BackupAndRestore(backup))
    unbroken = network()
    assert fit(unbroken) == history
    assert_same(again, unbroken)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="BackupAndRestore: save_freq must be at least 1, got 0"):
        BackupAndRestore("backup", 0)
    with pytest.raises(TypeError, match="BackupAndRestore: save_freq must be a whole number"):
        BackupAndRestore("backup", "step")
