"""The figures of every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnx.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History(Callback):
    """
    What `fit` returns: the figures of every epoch.

    Attributes
    ----------
    history
        A list for each figure: loss, accuracy, val_loss, ....
    epoch
        The epochs' numbers.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch's figures."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self) -> dict[str, Any]:
        """Return the figures so far."""
        return {"epoch": self.epoch, "history": self.history}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up the figures of earlier epochs."""
        self.epoch, self.history = state["epoch"], state["history"]

    def plot(self) -> Figure:
        """Draw the figures over the epochs as a matplotlib Figure (`pip install "cnnx[plot]"`)."""
        from cnnx.explain.curves import plot_history  # imports layers and models

        return plot_history(self.history, self.epoch)
