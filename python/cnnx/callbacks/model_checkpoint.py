"""Saving the model while it trains."""

import os
from pathlib import Path
from typing import Any

from cnnx.callbacks.monitor import Monitor
from cnnx.callbacks.save_frequency import SaveFrequency
from cnnx.file_kind import refuse_suffix
from cnnx.models.callback import Callback, Logs
from cnnx.progress import write_line


class ModelCheckpoint(Callback):
    """
    Save the model after each epoch, or only when a figure is better than ever before.

    Each file is written atomically: a crash or a full disk leaves the one before.

    Parameters
    ----------
    filepath
        The file, or a pattern of files such as "{epoch:02d}-{val_loss:.2f}.safetensors", filled in
        with the epoch counted from 1, the figures, and with a whole number for `save_freq` the
        batch counted from 1. Folders that do not exist are made.
    monitor
        Name of the figure that `save_best_only` compares.
    verbose
        1 prints a line for each file.
    save_best_only
        Whether to save only when the figure is better than before.
    save_weights_only
        Whether to save as `Model.save_weights` does rather than as `save` does.
    mode
        'min', 'max', or 'auto': 'max' for names that hold 'acc', 'min' for others.
    save_freq
        'epoch', or a number of batches; they are counted across epochs.
    initial_value_threshold
        With `save_best_only`, the value that the first file has to be better than.
    """

    reports = ()

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.filepath = os.fspath(filepath)
        refuse_suffix(self.filepath, "ModelCheckpoint")
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._frequency = SaveFrequency(save_freq, "ModelCheckpoint")
        self._monitor = Monitor("ModelCheckpoint", monitor, mode, baseline=initial_value_threshold)

    @property
    def best(self) -> float | None:
        """The best value of the figure so far; it outlasts `fit`."""
        return self._monitor.best

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Raise ValueError if `fit` will not report the figure."""
        if self.save_best_only:
            self._monitor.require(self.training)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save if it is time to."""
        if self._frequency.after_batch():
            self._save(self.training.epoch, {"batch": batch + 1, **(logs or {})}, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save if it is time to."""
        if self._frequency.after_epoch():
            self._save(epoch, logs or {}, logs)

    def _save(self, epoch: int, names: dict[str, Any], logs: Logs | None) -> None:
        if self.save_best_only and (
            self._monitor.waits(self.training, epoch, logs) or not self._monitor.improved(logs)
        ):
            return
        path = self._path({"epoch": epoch + 1, **names})
        path.parent.mkdir(parents=True, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path)
        if self.verbose:
            write_line(f"Epoch {epoch + 1}: saved {path}")

    def _path(self, names: dict[str, Any]) -> Path:
        try:
            return Path(self.filepath.format(**names))
        except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
            raise ValueError(
                f"ModelCheckpoint: cannot fill in filepath {self.filepath!r}: "
                f"{type(error).__name__} {error}. Names that can stand in it: {', '.join(names)}"
            ) from error

    def get_state(self) -> dict[str, Any]:
        """Return the best value and the batches since the last file."""
        return {"best": self.best, "batches": self._frequency.batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up what an earlier process remembered."""
        self._monitor.best = state["best"]
        self._frequency.batches = state["batches"]
