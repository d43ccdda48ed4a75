"""The figures of every epoch as a table on disk."""

from __future__ import annotations

import csv
import io
import os
from typing import Any, TextIO

from cnnx import distributed
from cnnx.files import naming, replaceable, replacing
from cnnx.models.callback import Callback, Logs


class CSVLogger(Callback):
    """
    Write a line with the figures of each epoch to a file.

    A figure that not every epoch has leaves its column empty in the others. Training that
    `BackupAndRestore` takes up again goes on below the lines that were there.

    Parameters
    ----------
    filename
        The file; its first line names the columns.
    separator
        Between two columns.
    append
        Whether to add to an existing file instead of replacing it.
    """

    reports = ()

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = filename
        self.separator = separator
        self.append = append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Empty the file unless it is to be kept."""
        self._file = replaceable(self.filename)
        self._rows: list[dict[str, Any]] = []
        if self.append and self._file.exists():
            with self._file.open(newline="") as file:
                self._rows = list(csv.DictReader(file, delimiter=self.separator))
        self._columns = list(self._rows[0]) if self._rows else ["epoch"]
        self._write()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add a line; a new figure gets a column in all of them."""
        row = {"epoch": epoch, **(logs or {})}
        self._rows.append(row)
        new = [name for name in row if name not in self._columns]
        if new:
            self._columns += new
            self._write()
            return
        if distributed.group().rank == 0:
            with naming(self._file), self._file.open("a", newline="") as file:
                self._writer(file).writerow(row)

    def get_state(self) -> dict[str, Any]:
        """Return the lines so far."""
        return {"columns": self._columns, "rows": self._rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Write the lines of an earlier process."""
        self._columns, self._rows = state["columns"], state["rows"]
        self._write()

    def _write(self) -> None:
        """Replace the whole file."""
        text = io.StringIO(newline="")
        writer = self._writer(text)
        if self._rows:
            writer.writeheader()
        writer.writerows(self._rows)
        if distributed.group().rank == 0:
            with replacing(self._file) as file:
                file.write(text.getvalue().encode())

    def _writer(self, file: TextIO) -> csv.DictWriter[str]:
        return csv.DictWriter(file, self._columns, delimiter=self.separator)
