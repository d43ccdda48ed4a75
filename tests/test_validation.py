"""When `fit` validates, and with which batches."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx.callbacks import (
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from cnnx.optimizers import SGD

pytestmark = pytest.mark.one_isa

X, Y = normal(1, 20, 4), normal(2, 20, 2)


def fit(epochs: int = 5, rate: float = 0.1, **options: Any) -> Any:
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(2)])
    model.set_weights([normal(9, 4, 2), normal(10, 2)])
    model.compile(SGD(rate), "mse")
    options = {"validation_split": 0.4, "shuffle": False, "verbose": 0} | options
    model.fit(X, Y, 4, epochs, **options)
    return model


@pytest.mark.parametrize(
    ("frequency", "epochs"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3]), ([1, 4], [0, 3]), (6, [])]
)
def test_validation_follows_some_epochs(frequency: Any, epochs: list[int]) -> None:
    begun: list[int] = []
    model: Any = None
    note = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begun.append(epoch),
        on_test_begin=lambda logs: begun.append(-1),
    )
    model = fit(validation_freq=frequency, callbacks=note)
    whole = fit().history.history
    figures = model.history.history
    assert figures["loss"] == whole["loss"]
    assert figures.get("val_loss", []) == [whole["val_loss"][epoch] for epoch in epochs]
    judged = [before for before, now in itertools.pairwise(begun) if now == -1]
    assert judged == epochs[: len(judged)]
    assert begun.count(-1) == len(epochs)


def test_the_history_of_some_epochs_is_saved_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model = fit(validation_freq=2)
    axes = model.history.plot().axes[0]
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2, 3, 4, 5], [2, 4]]
    model.save(tmp_path / "model")
    loaded: Any = cnnx.saving.load_model(tmp_path / "model")
    assert loaded.history.history == model.history.history
    assert len(loaded.history.plot().axes[0].lines) == 1  # which epochs they were is not kept


def test_callbacks_wait_for_the_next_validation(tmp_path: Path) -> None:
    stopping = EarlyStopping(patience=1, min_delta=1e9)
    plateau = ReduceLROnPlateau(patience=1, min_delta=1e9, factor=0.5)
    best = ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True)
    log = CSVLogger(tmp_path / "log.csv")
    model = fit(10, 0.001, validation_freq=3, callbacks=[plateau, best, log, stopping])
    assert stopping.stopped_epoch == 5  # after the second validation
    assert model.optimizer.learning_rate == pytest.approx(0.0005)
    assert {path.name for path in tmp_path.iterdir()} == {"3", "6", "log.csv"}
    rows = (tmp_path / "log.csv").read_text().split()
    assert [row.endswith(",") for row in rows[1:]] == [True, True, False] * 2


@pytest.mark.parametrize(("size", "batches"), [(None, [4, 4]), (3, [3, 3, 2]), (100, [8])])
def test_validation_has_batches_of_its_own(size: int | None, batches: list[int]) -> None:
    seen: list[int] = []
    note = LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(batch))
    model = fit(1, validation_batch_size=size, callbacks=note)
    assert seen == list(range(len(batches)))
    expected = fit(1).history.history["val_loss"]
    assert model.history.history["val_loss"] == pytest.approx(expected, rel=1e-6)
    assert model.optimizer.iterations == 3


def test_the_loss_that_is_not_finite_may_be_an_error() -> None:
    x = X.copy()
    x[9] = np.nan
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(2)])
    model.compile("sgd", "mse")
    with (
        pytest.warns(RuntimeWarning, match="the loss is nan"),
        pytest.raises(RuntimeError, match="TerminateOnNaN: the loss is nan in batch 3"),
    ):
        model.fit(x, Y, 4, shuffle=False, verbose=0, callbacks=TerminateOnNaN(raise_error=True))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_freq": 0}, ValueError, "fit: validation_freq must be at least 1, got 0"),
        ({"validation_freq": [2, 0]}, ValueError, "fit: validation_freq must be at least 1"),
        ({"validation_freq": "2"}, TypeError, "fit: validation_freq"),
        ({"validation_batch_size": 0}, ValueError, "fit: validation_batch_size"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fit(**options)
