"""Training that outlives its process."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnx import distributed
from cnnx.callbacks.save_frequency import SaveFrequency
from cnnx.files import remove_unfinished
from cnnx.models.callback import Callback, Logs
from cnnx.progress import write_line
from cnnx.snapshot import restoring, save_snapshot
from cnnx.tensor_file import naming_faults

_FAULT, _REMEDY = "cannot be restored", "Delete it to start again"


class BackupAndRestore(Callback):
    """
    Back up where training stands; run again, the same script goes on from there.

    Killed at any point and started again, training ends with the weights, bit for bit, of a run
    that was never broken. The backup holds the weights, the optimizer's state, the epoch and the
    batch within it, the figures so far, the states of all random generators (cnnx's, NumPy's,
    Python's, and those of layers and image streams with a seed) and what the other callbacks
    remember (`Callback.get_state`). It is one file that is replaced whole: a crash or a full disk
    leaves the backup before. This callback runs after all others, wherever it stands among them.

    Parameters
    ----------
    backup_dir
        Folder of the backup, which is made if it does not exist. One for each training.
    save_freq
        'epoch', or a number of batches: how often to back up.
    delete_checkpoint
        Whether to remove the backup when training has ended.

    Notes
    -----
    The script has to be the same: a backup of another model or of another amount of data is refused
    with a ValueError, but a larger `epochs` may be given. Streams of batches must yield the same in
    the same epoch; one that draws from a generator of its own needs an attribute `state`, as
    `cnnx.data.ImageStream` has.
    """

    runs_last = True
    joint = True
    reports = ()

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        *,
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir = backup_dir
        self.save_freq = save_freq
        self.delete_checkpoint = delete_checkpoint
        self._file = Path(backup_dir) / "backup.safetensors"
        self._frequency = SaveFrequency(save_freq, "BackupAndRestore")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Go on from the backup if there is one."""
        self._frequency.batches = 0
        group = distributed.group()
        snapshot = group.broadcast(self._read() if group.rank == 0 else None)
        if snapshot is None:
            return
        with naming_faults(self._file, _FAULT, _REMEDY, trusted=True):
            self.training.set_state(snapshot)
        if self.params["verbose"]:
            epoch, step = self.training.epoch, self.training.step
            write_line(f"Going on after {step} batches of epoch {epoch + 1}, from {self._file}")

    def _read(self) -> dict[str, Any] | None:
        """Return the backup if there is one that fits; make its folder if there is none."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(self._file.parent)
        if not self._file.exists():
            return None
        with restoring(self._file, _REMEDY, trusted=True) as snapshot:
            self.training.check_state(snapshot)
        return snapshot

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Back up if it is time to."""
        if self._frequency.after_batch():
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Back up if it is time to."""
        if self._frequency.after_epoch():
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the backup, and its folder if nothing else is in it."""
        if self.delete_checkpoint and distributed.group().rank == 0:
            self._file.unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                self._file.parent.rmdir()

    def _save(self) -> None:
        save_snapshot(self._file, self.training.get_state(), trusted=True)
