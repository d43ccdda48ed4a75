"""Judging the moving average of the weights."""

from typing import Any

from cnnx.models.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """
    Let `evaluate`, `predict` and the validation of `fit` see the moving average of the weights.

    Weights and average change places before them, and back after them. The optimizer must be given
    `use_ema=True`.

    Parameters
    ----------
    swap_on_epoch
        Whether they also change places at the end of each epoch, so that callbacks after this one,
        such as `ModelCheckpoint`, find the average; and back as the next epoch begins.
    """

    reports = ()

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = bool(swap_on_epoch)

    @property
    def _swapped(self) -> bool:
        average = self.model.compiled_optimizer.average
        if average is None:
            raise ValueError("SwapEMAWeights: the optimizer keeps no average; give it use_ema=True")
        return average.swapped

    def _swap(self, wanted: bool) -> None:
        if self._swapped is not wanted:
            self.model.take_average(swap=True)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Raise ValueError if there is no average."""
        self._swap(False)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Train the weights themselves."""
        self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Show the average to the callbacks that follow, if asked to."""
        if self.swap_on_epoch:
            self._swap(True)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Judge the average."""
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Put the weights back."""
        self._swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Predict with the average."""
        self._swap(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Put the weights back."""
        self._swap(False)

    def get_state(self) -> dict[str, Any]:
        """Return whether the average is where the weights belong."""
        return {"swapped": self._swapped}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up where the average was."""
        average = self.model.compiled_optimizer.average
        if average is not None:
            average.swapped = bool(state["swapped"])
