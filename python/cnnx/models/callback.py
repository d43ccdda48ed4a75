"""Callbacks: code that runs at set points of `fit`; and the history, which is one."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnx.progress import Logs
from cnnx.registry import NamedArguments

__all__ = ["Callback", "Callbacks", "History", "Logs"]

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cnnx.models.model import Model
    from cnnx.models.training import Training


class Callback(NamedArguments):
    """
    Does nothing; override the methods for the points you need.

    `fit` sets `model` and `params` (epochs, steps, verbose) before it begins, and `training` (where
    it stands) while it runs. Set `self.model.stop_training = True` to end training after the
    present batch or epoch. The methods of test run in `evaluate` and in the validation of `fit`,
    those of predict in `predict`.
    """

    runs_last: ClassVar[bool] = False
    """Whether it runs after all callbacks that do not, wherever it stands among them."""
    joint: ClassVar[bool] = False
    """Whether all ranks of a group must have it, as it exchanges something between them."""
    reports: ClassVar[Sequence[str] | None] = None
    """Figures that it adds to the logs of an epoch, if they are known beforehand."""
    model: Model
    params: dict[str, Any]
    training: Training

    def set_model(self, model: Model) -> None:
        """Take the model that runs."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the numbers of epochs and steps, and `verbose`."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after the last epoch; `logs` holds its figures."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after an epoch and its validation; `logs` holds the epoch's figures."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of training: another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of training: another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch; `logs` holds the epoch's figures so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run before the first batch of an evaluation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run after the last batch of an evaluation; `logs` holds its figures."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of an evaluation, counted from 0."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of an evaluation; `logs` holds the figures so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run before the first batch of a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run after the last batch of a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of a prediction, counted from 0."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of a prediction; `logs` holds its "outputs"."""

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
        self._validated: list[int] = []
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

    reports = ()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Note the batch's figures; `logs` holds the means of the epoch so far."""
        if self.per_batch:
            _append(self.batches, self.training.batch_logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch's figures."""
        self.epoch.append(epoch)
        if any(name.startswith("val_") for name in logs or {}):
            self._validated.append(epoch)
        _append(self.history, logs or {})

    def get_state(self) -> dict[str, Any]:
        """Return the figures so far."""
        return {"epoch": self.epoch, "history": self.history, "batches": self.batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up the figures of earlier epochs."""
        self.epoch, self.history = state["epoch"], state["history"]
        self.batches = state["batches"]

    def _repr_html_(self) -> str:
        """Return the curves for a notebook; matplotlib need not be installed."""
        from cnnx.drawing.curves import curves  # its package imports models

        if not self.history:
            return "<p>History of no epochs: call fit first.</p>"
        return curves(self.history, self.epoch)

    def plot(self) -> Figure:
        """Draw the figures over epochs and batches (matplotlib: `pip install "cnnx[plot]"`)."""
        from cnnx.explain.curves import plot_history  # imports layers and models

        return plot_history(self.history, self.epoch, self.batches, self._validated)


class Callbacks:
    """
    Callbacks in the order in which they run.

    Parameters
    ----------
    given
        What a user handed in: one, several or None.
    owner
        What errors begin with.

    Raises
    ------
    TypeError
        For anything that is no callback.
    """

    def __init__(self, given: Sequence[Callback] | Callback | None, owner: str) -> None:
        listed: Any = () if given is None else given
        listed = list(listed) if isinstance(listed, (list, tuple)) else [listed]
        for callback in listed:
            if not isinstance(callback, Callback):
                raise TypeError(
                    f"{owner}: callbacks must be objects of cnnx.callbacks.Callback, "
                    f"got {callback!r}"
                )
        self._listed: list[Callback] = sorted(listed, key=lambda item: item.runs_last)

    def __iter__(self) -> Iterator[Callback]:
        return iter(self._listed)

    def begin(self, model: Model, **params: Any) -> None:
        """Tell each callback what it runs for."""
        for callback in self._listed:
            callback.set_model(model)
            callback.set_params(dict(params))

    def notify(self, event: str, *arguments: Any) -> None:
        """Call the method `event` of each callback."""
        for callback in self._listed:
            getattr(callback, event)(*arguments)

    def around_batches(self, kind: str) -> Callable[..., None] | None:
        """Return `notify` if any callback does something around a batch of `kind`."""
        kinds = ("batch", "train_batch") if kind == "train" else (f"{kind}_batch",)
        names = [f"on_{name}_{when}" for name in kinds for when in ("begin", "end")]
        return self.notify if any(_acts(item, names) for item in self._listed) else None


def _acts(callback: Callback, names: Sequence[str]) -> bool:
    """Return whether a callback has methods of its own; a plain History needs none."""
    if type(callback) is History and not callback.per_batch:
        return False
    own = vars(callback)
    return any(
        name in own or getattr(type(callback), name, None) is not getattr(Callback, name)
        for name in names
    )


def _append(lists: dict[str, list[float]], figures: Logs) -> None:
    for name, value in figures.items():
        lists.setdefault(name, []).append(value)
