"""Event files for TensorBoard."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from cnnx.callbacks import BackupAndRestore, LearningRateScheduler, TensorBoard

pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: the extra tensorboard")

pytestmark = pytest.mark.one_isa

X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)


def model(rate: Any = 0.1) -> cnnx.Model:
    cnnx.random.set_seed(0)
    net = cnnx.Sequential([cnnx.Input((4,)), layers.Dense(2, activation="softmax", name="out")])
    net.compile(cnnx.optimizers.SGD(rate), "sparse_categorical_crossentropy", ["accuracy"])
    return net


def events(folder: Path) -> list[Any]:
    """Return the events of all files of a folder, in their order: records of length, sum, data."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        while content:
            (size,) = struct.unpack("<Q", content[:8])
            found.append(Event.FromString(content[12 : 12 + size]))
            content = content[16 + size :]
    return found


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for event in events(folder):
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_curves_of_epochs(tmp_path: Path) -> None:
    callback = TensorBoard(tmp_path)
    rates = LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    history = (
        model()
        .fit(X, Y, epochs=3, verbose=0, validation_split=0.2, callbacks=[rates, callback])
        .history
    )
    train, validation = curves(tmp_path / "train"), curves(tmp_path / "validation")
    assert set(train) == {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"}
    assert set(validation) == {"epoch_loss", "epoch_accuracy"}
    for found, name, figure in (
        (train, "epoch_loss", "loss"),
        (train, "epoch_accuracy", "accuracy"),
        (train, "epoch_learning_rate", "learning_rate"),
        (validation, "epoch_loss", "val_loss"),
    ):
        assert [step for step, _ in found[name]] == [0, 1, 2]
        np.testing.assert_allclose([value for _, value in found[name]], history[figure], rtol=1e-6)


@pytest.mark.parametrize(("frequency", "steps"), [("batch", range(10)), (3, range(0, 10, 3))])
def test_curves_of_batches(tmp_path: Path, frequency: Any, steps: range) -> None:
    callbacks = [TensorBoard(tmp_path, update_freq=frequency), cnnx.callbacks.History(True)]
    history = model().fit(
        X, Y, batch_size=6, epochs=2, shuffle=False, verbose=0, callbacks=callbacks
    )
    found = curves(tmp_path / "train")["batch_loss"]
    assert [step for step, _ in found] == list(steps)
    expected = [history.batches["loss"][step] for step in steps]
    np.testing.assert_allclose([value for _, value in found], expected, rtol=1e-6)


def test_histograms_of_weights(tmp_path: Path) -> None:
    net = model()
    net.fit(X, Y, epochs=3, verbose=0, callbacks=TensorBoard(tmp_path, histogram_freq=2))
    found = [
        (event.step, value.tag, value.histo)
        for event in events(tmp_path / "train")
        for value in event.summary.value
        if value.WhichOneof("value") == "histo"
    ]
    tags = [(step, tag) for step, tag, _ in found]
    assert tags == [(s, f"out/{name}") for s in (0, 2) for name in ("kernel", "bias")]
    last = found[-2][2]
    assert last.num == 8
    np.testing.assert_allclose(last.sum, net.get_weights()[0].sum(), rtol=1e-5)


def test_the_speed(tmp_path: Path) -> None:
    model().fit(X, Y, verbose=0, callbacks=TensorBoard(tmp_path, write_steps_per_second=True))
    assert curves(tmp_path / "train")["epoch_steps_per_second"][0][1] > 0


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    """The second process adds files; steps follow those of the first."""
    for epochs in (2, 4):
        callbacks = [BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)]
        callbacks.append(TensorBoard(tmp_path / "logs", update_freq="batch"))
        model().fit(X, Y, batch_size=10, epochs=epochs, verbose=0, callbacks=callbacks)
    found = curves(tmp_path / "logs" / "train")
    assert sorted(step for step, _ in found["epoch_loss"]) == [0, 1, 2, 3]
    assert sorted(step for step, _ in found["batch_loss"]) == list(range(12))


def test_arguments() -> None:
    with pytest.raises(ValueError, match="update_freq must be 'epoch' or 'batch', got 'step'"):
        TensorBoard(update_freq="step")
    with pytest.raises(ValueError, match="histogram_freq"):
        TensorBoard(histogram_freq=-1)
