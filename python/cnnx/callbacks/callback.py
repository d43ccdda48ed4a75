"""What every callback is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from cnnx.models.model import Model
    from cnnx.models.training import Training

Logs: TypeAlias = dict[str, float]
"""Figures by name: loss, the metrics, and both with val_ before."""


class Callback:
    """
    Does nothing; override the methods for the points you need.

    `fit` sets `model` and `params` (epochs, steps, verbose) before it begins, and `training` (where
    it stands) while it runs. Set `self.model.stop_training = True` to end training after the
    present batch or epoch.
    """

    model: Model
    params: dict[str, Any]
    training: Training

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
