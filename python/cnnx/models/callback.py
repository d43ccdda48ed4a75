"""Callbacks: code that runs at set points of `fit`; and the history, which is one."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar

from cnnx.progress import Logs

__all__ = ["Callback", "History", "Logs"]

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cnnx.models.model import Model
    from cnnx.models.training import Training


_OF_KERAS = {
    "on_batch_begin": "call it on_train_batch_begin",
    "on_batch_end": "call it on_train_batch_end",
    "set_model": "fit sets self.model",
    "set_params": "fit sets self.params",
    **dict.fromkeys(
        (
            f"on_{what}{when}"
            for what in ("test", "predict")
            for when in ("_begin", "_end", "_batch_begin", "_batch_end")
        ),
        "on_epoch_end finds the val_ figures in its logs",
    ),
}
"""Methods of Keras' callbacks that are never called here, and what to do instead."""


class Callback:
    """
    Does nothing; override the methods for the points you need.

    `fit` sets `model` and `params` (epochs, steps, verbose) before it begins, and `training` (where
    it stands) while it runs. Set `self.model.stop_training = True` to end training after the
    present batch or epoch.
    """

    runs_last: ClassVar[bool] = False
    """Whether it runs after all callbacks that do not, wherever it stands among them."""
    model: Model
    params: dict[str, Any]
    training: Training

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, remedy in _OF_KERAS.items():
            if name in vars(cls):
                raise TypeError(f"{cls.__name__}.{name} would never be called; {remedy}")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after an epoch and its validation; `logs` holds the epoch's figures."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch, counted from 0 in each epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch; `logs` holds the epoch's figures so far."""

    def get_state(self) -> dict[str, Any]:
        """
        Return what `BackupAndRestore` keeps of this callback.

        Override it and `set_state` if training depends on what the callback remembers. Values are
        numbers, texts, None, arrays, and lists and dicts of those.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up what `get_state` returned; runs after `on_train_begin`."""


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
        self._model: weakref.ref[Model] | None = None

    @property
    def model(self) -> Model:
        """The model, while something else holds it: a model holds its history, not the reverse."""
        found = None if self._model is None else self._model()
        if found is None:
            raise AttributeError("History: fit has not begun, or the model is gone")
        return found

    @model.setter
    def model(self, model: Model) -> None:
        self._model = weakref.ref(model)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_model": None}

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
