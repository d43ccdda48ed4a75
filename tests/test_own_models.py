"""Subclasses of Model in files and copies."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import cnnx
from cnnx import layers
from test_own_steps import (
    LABELS,
    ByHand,
    Distiller,
    X,
    assert_same,
    compiled,
    distiller,
    fitted,
    network,
)


def test_own_classes_are_saved_loaded_cloned_and_copied(tmp_path: Path) -> None:
    model = distiller()
    model.fit(X, LABELS, verbose=0)
    model.save(tmp_path / "model")
    loaded = cnnx.models.load_model(tmp_path / "model", {"Distiller": Distiller})
    clone = cnnx.models.clone_model(model)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for twin in (loaded, clone, *copies):
        assert type(twin) is Distiller
        assert twin.temperature == 3
        assert twin.name == model.name
    for twin in copies:
        assert twin.teacher is not model.teacher
        assert twin.distance is not model.distance
    loaded.teacher = model.teacher
    for twin in (model, loaded, *copies):
        cnnx.utils.set_random_seed(1)
        twin.fit(X, LABELS, verbose=0)
        assert_same(twin, model)


class Stubborn(cnnx.Model):
    def __init__(self, size: int) -> None:
        x = cnnx.Input((size,))
        super().__init__(x, layers.Dense(2)(x))


def test_a_class_that_its_config_cannot_make_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Stubborn cannot be made with its layers and .*get_con"):
        Stubborn(3).save(tmp_path / "model")


class OwnCompile(cnnx.Model):
    def compile(self, optimizer: Any, rate: float) -> None:  # type: ignore[override]
        super().compile(optimizer)
        self.rate = rate


def test_a_compile_of_ones_own_is_not_called_by_a_file(tmp_path: Path) -> None:
    model = network(OwnCompile)
    model.compile("adam", 0.3)  # type: ignore[call-arg, arg-type]
    model.save(tmp_path / "model")
    loaded = cnnx.models.load_model(tmp_path / "model", {"OwnCompile": OwnCompile})
    assert loaded.optimizer.name == "adam"
    assert not hasattr(loaded, "rate")


class Interrupted(cnnx.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.optimizer.iterations == 8:
            raise KeyboardInterrupt


def test_a_training_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    whole = compiled(ByHand)
    expected = fitted(whole, validation_split=0.0)
    backup = cnnx.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        fitted(compiled(ByHand), validation_split=0.0, callbacks=[backup, Interrupted()])
    again = compiled(ByHand)
    backup = cnnx.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
    assert fitted(again, validation_split=0.0, callbacks=[backup]) == expected
    assert_same(again, whole)
