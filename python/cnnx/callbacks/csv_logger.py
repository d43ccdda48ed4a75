"""The figures of every epoch as a table on disk."""

import csv
import os

from cnnx.files import replaceable
from cnnx.models.callback import Callback, Logs


class CSVLogger(Callback):
    """
    Write a line with the figures of each epoch to a file.

    Parameters
    ----------
    filename
        The file; its first line names the columns.
    separator
        Between two columns.
    append
        Whether to keep what the file holds already, instead of beginning it anew.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = filename
        self.separator = separator
        self.append = append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Empty the file unless it is to be kept."""
        self._file = replaceable(self.filename)
        if not (self.append and self._file.exists()):
            self._file.write_bytes(b"")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add a line, after one with the columns' names if it is the first."""
        figures = logs or {}
        with self._file.open("a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if not file.tell():
                writer.writerow(["epoch", *figures])
            writer.writerow([epoch, *figures.values()])
