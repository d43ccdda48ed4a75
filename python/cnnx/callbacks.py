"""Callbacks: code of the user's that runs at set points of `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from cnnx.arrays import Float
from cnnx.geometry import integer, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cnnx.models.model import Model

Logs: TypeAlias = dict[str, float]
"""Figures by name: loss, the metrics, and both with val_ before."""


class Callback:
    """
    Does nothing; override the methods for the points you need.

    `fit` sets `model` and `params` (epochs, steps, verbose) before it begins. Set
    `self.model.stop_training = True` to end training after the present epoch.
    """

    model: Model
    params: dict[str, Any]

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


class CallbackList:
    """
    Several callbacks, called in turn.

    Parameters
    ----------
    callbacks
        Each is given the model and the params.
    model, params
        As in `Callback`.
    """

    def __init__(self, callbacks: Iterable[Callback], model: Model, params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(
                    f"fit: callbacks must be objects of cnnx.callbacks.Callback, got {callback!r}"
                )
            callback.model = model
            callback.params = params

    def __call__(self, event: str, *arguments: Any) -> None:
        """Call the method `event` of each."""
        for callback in self.callbacks:
            getattr(callback, event)(*arguments)


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

    def plot(self) -> Figure:
        """Draw the figures over the epochs as a matplotlib Figure (`pip install "cnnx[plot]"`)."""
        from cnnx.explain.curves import plot_history  # imports layers and models

        return plot_history(self.history, self.epoch)


class LambdaCallback(Callback):
    """
    Calls functions given by name, each with the arguments of the method it stands for.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end
        Of (epoch, logs).
    on_train_begin, on_train_end
        Of (logs,).
    on_train_batch_begin, on_train_batch_end
        Of (batch, logs).
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
    ) -> None:
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in functions.items():
            if function is not None:
                setattr(self, name, function)


class EarlyStopping(Callback):
    """
    Stop training when a figure no longer improves.

    Parameters
    ----------
    monitor
        Name of the figure: 'val_loss', 'val_accuracy', ....
    min_delta
        Smallest change that counts as an improvement.
    patience
        Epochs without improvement before training stops.
    mode
        'min', 'max', or 'auto': 'max' for names that hold 'acc', 'min' for others.
    baseline
        Value that has to be improved on; None for the first epoch's.
    restore_best_weights
        Whether to end with the weights of the best epoch rather than the last.
    start_from_epoch
        Epochs to wait before watching.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"EarlyStopping: mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = monitor
        self.min_delta = number(min_delta, "EarlyStopping: min_delta", 0, float("inf"))
        self.patience = integer(patience, "EarlyStopping: patience", minimum=0)
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        # Compared with this sign, smaller is always better.
        self._sign = -1.0 if mode == "max" or (mode == "auto" and "acc" in monitor) else 1.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier training."""
        self.best_epoch = 0
        self.stopped_epoch = 0
        self._waited = 0
        self._best = float("inf") if self.baseline is None else self._sign * self.baseline
        self._best_weights: list[Float] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare with the best epoch."""
        if epoch < self.start_from_epoch:
            return
        figures = logs or {}
        if self.monitor not in figures:
            raise ValueError(
                f"EarlyStopping: monitor '{self.monitor}' is not among {', '.join(figures)}; "
                "give fit validation data for the val_ ones"
            )
        value = self._sign * figures[self.monitor]
        if value < self._best - self.min_delta:
            self._best, self.best_epoch, self._waited = value, epoch, 0
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            return
        self._waited += 1
        if self._waited >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights if asked to."""
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)
