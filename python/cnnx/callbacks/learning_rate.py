"""Learning rates that depend on the epoch, or on how training goes."""

import inspect
from collections.abc import Callable
from typing import Any

from cnnx.callbacks.monitor import Monitor
from cnnx.geometry import integer, number
from cnnx.models.callback import Callback, Logs
from cnnx.optimizers import Optimizer
from cnnx.progress import write_line


class RateCallback(Callback):
    """
    Sets the optimizer's learning rate; it stands among the figures of each epoch.

    Parameters
    ----------
    verbose
        1 prints each change.
    """

    reports = ("learning_rate",)

    def __init__(self, verbose: int) -> None:
        self.verbose = verbose

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Raise ValueError for an optimizer with a schedule, which a number would replace."""
        rate = self.optimizer.get_config()["learning_rate"]
        if isinstance(rate, dict):
            raise ValueError(
                f"{type(self).__name__}: the learning rate follows {rate['class_name']} already; "
                "give the optimizer a number, or leave the callback out"
            )

    @property
    def optimizer(self) -> Optimizer:
        """That of the model."""
        return self.model.compiled_optimizer

    def set_rate(self, epoch: int, rate: float) -> None:
        """Change the rate, which must be a number >= 0."""
        self.optimizer.learning_rate = number(
            rate, f"{type(self).__name__}: the learning rate", 0, float("inf")
        )
        if self.verbose:
            write_line(f"Epoch {epoch + 1}: learning rate {self.optimizer.learning_rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Report the rate."""
        if logs is not None:
            logs["learning_rate"] = float(self.optimizer.learning_rate)


def _needed(function: Callable[..., Any]) -> int:
    """Return how many arguments a function must be given by their places."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        parameter.kind in kinds and parameter.default is inspect.Parameter.empty
        for parameter in inspect.signature(function).parameters.values()
    )


class LearningRateScheduler(RateCallback):
    """
    Set the learning rate before each epoch.

    For a rate that changes with every step, give the optimizer a schedule of
    `cnnx.optimizers.schedules` instead.

    Parameters
    ----------
    schedule
        Function of (epoch, present rate), or of the epoch alone, that returns the epoch's rate.
        Parameters that have a default keep it.
    verbose
        1 prints each rate.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__(verbose)
        self.schedule = schedule
        self._takes_rate = _needed(schedule) > 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Ask for the rate, and set it."""
        present = (self.optimizer.learning_rate,) if self._takes_rate else ()
        self.set_rate(epoch, self.schedule(epoch, *present))


class ReduceLROnPlateau(RateCallback):
    """
    Lower the learning rate when a figure no longer improves.

    Parameters
    ----------
    monitor
        Name of the figure.
    factor
        What the rate is multiplied by, in [0, 1).
    patience
        Epochs without improvement before the rate falls.
    verbose
        1 prints each change.
    mode
        As for `EarlyStopping`.
    min_delta
        Smallest change that counts as an improvement.
    cooldown
        Epochs after a fall of which the last alone is counted.
    min_lr
        The rate does not fall below it.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(verbose)
        self.monitor = monitor
        self._monitor = Monitor("ReduceLROnPlateau", monitor, mode, min_delta)
        self.factor = number(factor, "ReduceLROnPlateau: factor", 0, 1)
        self.patience = integer(patience, "ReduceLROnPlateau: patience", minimum=0)
        self.cooldown = integer(cooldown, "ReduceLROnPlateau: cooldown", minimum=0)
        self.min_lr = number(min_lr, "ReduceLROnPlateau: min_lr", 0, float("inf"))

    @property
    def best(self) -> float | None:
        """The best value of the figure so far."""
        return self._monitor.best

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier training."""
        super().on_train_begin(logs)
        self._monitor.begin(self.training)
        self.wait = 0
        self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare with the best epoch; report the epoch's rate before it falls."""
        super().on_epoch_end(epoch, logs)
        if self._monitor.waits(self.training, epoch, logs):
            return
        if self._cooling:
            self._cooling -= 1
            self.wait = 0
        if self._monitor.improved(logs):
            self.wait = 0
        elif not self._cooling:
            self.wait += 1
            rate = self.optimizer.learning_rate
            if self.wait >= self.patience and rate > self.min_lr:
                self.set_rate(epoch, max(rate * self.factor, self.min_lr))
                self._cooling, self.wait = self.cooldown, 0

    def get_state(self) -> dict[str, Any]:
        """Return the best value and what has been counted."""
        return {"best": self._monitor.best, "waited": self.wait, "cooling": self._cooling}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up what an earlier process remembered."""
        self._monitor.best = state["best"]
        self.wait = state["waited"]
        self._cooling = state["cooling"]
