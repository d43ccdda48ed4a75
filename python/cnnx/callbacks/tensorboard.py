"""The figures of training as event files for TensorBoard."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from cnnx import distributed, geometry
from cnnx.extras import import_extra
from cnnx.models.callback import Callback, Logs
from cnnx.registry import choice


class TensorBoard(Callback):
    """
    Write figures and weights for TensorBoard (``tensorboard --logdir logs``).

    Curves are named as Keras names them: epoch_loss, epoch_accuracy, epoch_learning_rate,
    batch_loss and so on. Those of training lie in the folder ``train``, those of validation in
    ``validation``, so that they share a diagram. Writing needs tensorboardX (extra `tensorboard`).

    Parameters
    ----------
    log_dir
        Folder of the event files, made if need be. A run each in a folder of its own can be
        compared: "logs/first", "logs/second".
    histogram_freq
        Epochs from one histogram of each weight to the next; 0 writes none.
    write_steps_per_second
        Whether to write how many batches a second the epoch took: epoch_steps_per_second.
    update_freq
        'epoch', 'batch', or the number of batches from one point of the batches' curves to the
        next; 'epoch' draws no such curves.

    Raises
    ------
    ImportError
        tensorboardX is not installed.
    """

    reports = ()

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
    ) -> None:
        self.log_dir = Path(log_dir)
        self.histogram_freq = geometry.integer(
            histogram_freq, "TensorBoard: histogram_freq", minimum=0
        )
        self.write_steps_per_second = bool(write_steps_per_second)
        if isinstance(update_freq, str):
            choice(update_freq, "TensorBoard: update_freq", "epoch", "batch")
            self._every = 1 if update_freq == "batch" else 0
        else:
            self._every = geometry.integer(update_freq, "TensorBoard: update_freq")
        self.update_freq = update_freq
        self._tool = import_extra("tensorboardX", "tensorboard", "TensorBoard")
        self._writers: dict[str, Any] = {}
        self._batches = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Count the batches from the first."""
        self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note when the epoch begins."""
        self._begun = time.perf_counter(), self._batches

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the batch's figures, if it is one of those to be written."""
        if self._every and self._batches % self._every == 0:
            for name, value in self.training.batch_logs.items():
                self._write("train", f"batch_{name}", value, self._batches)
        self._batches += 1

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch's figures, and the weights if it is their turn."""
        for name, value in (logs or {}).items():
            if name == "learning_rate":
                continue  # some callback reports it; it is written below in any case
            of_validation = name.startswith("val_")
            folder = "validation" if of_validation else "train"
            self._write(folder, f"epoch_{name.removeprefix('val_')}", value, epoch)
        rate = self.model.optimizer.learning_rate if self.model.optimizer is not None else 0.0
        self._write("train", "epoch_learning_rate", rate, epoch)
        if self.write_steps_per_second:
            seconds, batches = self._begun
            speed = (self._batches - batches) / max(time.perf_counter() - seconds, 1e-9)
            self._write("train", "epoch_steps_per_second", speed, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0 and self._writers:
            for path, weight in self.model.named_weights():
                self._writer("train").add_histogram(path, weight.value.ravel(), epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def get_state(self) -> dict[str, Any]:
        """Return the number of batches so far."""
        return {"batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the numbers of an earlier process, in files beside its own."""
        self._batches = state["batches"]

    def _write(self, folder: str, name: str, value: float, step: int) -> None:
        if distributed.group().rank == 0:
            self._writer(folder).add_scalar(name, value, step)

    def _writer(self, folder: str) -> Any:
        if folder not in self._writers:
            suffix = f".{time.time_ns()}"  # two runs may begin in the second that names the file
            path = str(self.log_dir / folder)
            self._writers[folder] = self._tool.SummaryWriter(path, filename_suffix=suffix)
        return self._writers[folder]
