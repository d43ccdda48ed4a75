"""Ending training when it no longer helps."""

from typing import Any

from cnnx.arrays import Float
from cnnx.callbacks.monitor import Monitor
from cnnx.geometry import integer
from cnnx.models.callback import Callback, Logs
from cnnx.progress import write_line


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
    verbose
        1 prints a line when training stops.
    mode
        'min', 'max', or 'auto': 'max' for names that hold acc, auc, f1, precision, recall, iou,
        dice, r2, psnr or ssim, 'min' for others.
    baseline
        Epochs that are not better than this value count as epochs without improvement, though
        training does not stop in one that is better than those before; None for no such value.
    restore_best_weights
        Whether to end with the weights of the best epoch rather than the last, be it better than
        the baseline or not.
    start_from_epoch
        Epochs to wait before watching.
    """

    reports = ()

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self.monitor = monitor
        self._monitor = Monitor("EarlyStopping", monitor, mode, min_delta)
        self.baseline = baseline
        self.patience = integer(patience, "EarlyStopping: patience", minimum=0)
        self.verbose = verbose
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    @property
    def best(self) -> float | None:
        """The best value of the figure so far."""
        return self._monitor.best

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier training."""
        self._monitor.begin(self.training)
        self.best_epoch = 0
        self.stopped_epoch = 0
        self.wait = 0
        self._best_weights: list[Float] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare with the best epoch."""
        if epoch < self.start_from_epoch or self._monitor.waits(self.training, epoch, logs):
            return
        self.wait += 1
        if self._monitor.improved(logs):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            value = self._monitor.value(logs)
            if self.baseline is None or self._monitor.is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:  # nothing is before the first
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.verbose:
                write_line(f"Epoch {epoch + 1}: {self.monitor} no longer improves")

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights if asked to."""
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)

    def get_state(self) -> dict[str, Any]:
        """Return the best epoch, its weights if they are kept, and the epochs waited since."""
        return {
            "best": self._monitor.best,
            "best_epoch": self.best_epoch,
            "stopped_epoch": self.stopped_epoch,
            "waited": self.wait,
            "best_weights": self._best_weights,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up what an earlier process remembered."""
        self._monitor.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.stopped_epoch = state["stopped_epoch"]
        self.wait = state["waited"]
        self._best_weights = state["best_weights"]
