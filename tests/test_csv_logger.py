"""CSVLogger: a line an epoch, a column a figure."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from cnnx.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    LambdaCallback,
)
from linear_training import X, Y, linear_model

pytestmark = pytest.mark.one_isa


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
