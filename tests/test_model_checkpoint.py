"""ModelCheckpoint: which files it writes, and what they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.callbacks import (
    ModelCheckpoint,
)
from linear_training import X, Y, linear_model

pytestmark = pytest.mark.one_isa


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


def test_val_figures_are_not_there_after_a_batch(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "model", save_best_only=True, save_freq=1)
    with pytest.raises(ValueError, match=r"'val_loss' is not among loss; .* after each epoch"):
        linear_model().fit(X, Y, verbose=0, callbacks=checkpoint, validation_data=(X, Y))
