"""The figures of every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnx.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History(Callback):
    """
    What `fit` returns: the figures of every epoch, and of every batch on request.

    `fit` makes one, unless one is among its callbacks: `callbacks=[History(per_batch=True)]`.

    Parameters
    ----------
    per_batch
        Whether to note the figures of every batch too.

    Attributes
    ----------
    history
        A list for each figure: loss, accuracy, val_loss, ....
    epoch
        The epochs' numbers.
    batches
        A list for each figure of training, one value a batch: that of the batch alone, before its
        step. Empty unless `per_batch`.
    """

    def __init__(self, per_batch: bool = False) -> None:
        self.per_batch = bool(per_batch)
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}
        self.batches: dict[str, list[float]] = {}

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Note the batch's figures; `logs` holds the means of the epoch so far."""
        if self.per_batch:
            _append(self.batches, self.training.batch_logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch's figures."""
        self.epoch.append(epoch)
        _append(self.history, logs or {})

    def get_state(self) -> dict[str, Any]:
        """Return the figures so far."""
        return {"epoch": self.epoch, "history": self.history, "batches": self.batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up the figures of earlier epochs."""
        self.epoch, self.history = state["epoch"], state["history"]
        self.batches = state["batches"]

    def plot(self) -> Figure:
        """Draw the figures over epochs and batches (matplotlib: `pip install "cnnx[plot]"`)."""
        from cnnx.explain.curves import plot_history  # imports layers and models

        return plot_history(self.history, self.epoch, self.batches)


def _append(lists: dict[str, list[float]], figures: Logs) -> None:
    for name, value in figures.items():
        lists.setdefault(name, []).append(value)
